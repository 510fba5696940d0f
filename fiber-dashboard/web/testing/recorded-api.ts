import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CheckType, LiveEvent } from "#contracts";
import {
  recordedCluster,
  recordedFigures,
  recordedSeries,
  type Window,
} from "./recorded-figures.js";
import { type FleetName, recordedNodes, recordedRounds } from "./recorded-fleet.js";
import { recordedReadiness, recordedRuns, toSummary } from "./recorded-runs.js";

/** A small HTTP server that answers like the API; recorded-api.test.ts holds it to the contracts. */
export interface RecordedApi {
  readonly url: string;
  /** Changes what it answers from now on; "broken" answers 503 to everything. */
  show(fleet: FleetName | "broken"): void;
  /** Sends a live event to every open stream. */
  send(event: LiveEvent): void;
  /** Open event streams. */
  streams(): number;
  /** Headers of the newest request. */
  lastHeaders(): IncomingMessage["headers"];
  stop(): Promise<void>;
}

/** Starts it on a port (0: a free one). */
export async function startRecordedApi(fleet: FleetName, port = 0): Promise<RecordedApi> {
  let shown: FleetName | "broken" = fleet;
  let lastHeaders: IncomingMessage["headers"] = {};
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    lastHeaders = request.headers;
    const url = new URL(request.url ?? "/", "http://api");
    if (shown === "broken") return refuse(response);
    if (url.pathname === "/api/live") return openStream(response, streams);
    if (url.pathname === "/api/runs/live") return openRunStream(response);
    const body = answer(url, shown);
    response.writeHead(body === null ? 404 : 200, {
      "content-type": "application/json",
      "x-request-id": "req-recorded",
    });
    response.end(JSON.stringify(body ?? errorBody("ROUTE_NOT_FOUND", "not recorded")));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    show: (next) => {
      shown = next;
      if (next === "broken") for (const stream of streams) stream.destroy();
    },
    send: (event) => {
      for (const stream of streams) stream.write(eventText(event));
    },
    streams: () => streams.size,
    lastHeaders: () => lastHeaders,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the recorded API answers to an address; null where it has nothing. */
export function answer(url: URL, fleet: FleetName): unknown {
  const nowMs = Date.now();
  const query = url.searchParams;
  const window: Window = {
    startMs: Date.parse(query.get("start") ?? new Date(nowMs - 3_600_000).toISOString()),
    endMs: Date.parse(query.get("end") ?? new Date(nowMs).toISOString()),
  };
  const nodes = recordedNodes(fleet, nowMs);
  const region = query.get("region");
  const ok = (data: unknown) => ({ status: "ok", data });
  switch (url.pathname) {
    case "/api/nodes":
      return ok(nodes);
    case "/api/metrics":
      return recordedRounds(fleet, nowMs);
    case "/api/metrics/cluster": {
      const chosen = nodes.filter((node) => region === null || node.region === region);
      return ok(recordedCluster(chosen, window, fleet !== "calm"));
    }
    case "/api/metrics/aggregated":
      return ok({
        dimension: "node",
        start: new Date(window.startMs).toISOString(),
        end: new Date(window.endMs).toISOString(),
        resolution: "raw",
        maintenance_min: 0,
        groups: nodes.map((node) => ({
          ...recordedFigures(node.latest?.latency_ms ?? null, node.latest?.packet_loss ?? 0),
          key: node.node_id,
          nodes: 1,
        })),
      });
    case "/api/series": {
      const node = nodes.find((each) => each.node_id === query.get("node_id"));
      const check = query.get("check") as CheckType | null;
      const choice = { target: query.get("target"), check };
      return node === undefined ? null : ok(recordedSeries(node, choice, window));
    }
    case "/api/readiness":
      return ok(recordedReadiness(fleet, nowMs));
    case "/api/runs":
      return ok(fleet === "calm" ? [] : recordedRuns(nowMs).map(toSummary));
    default: {
      const id = /^\/api\/runs\/([^/]+)$/.exec(url.pathname)?.[1];
      const run = recordedRuns(nowMs).find((each) => each.id === id);
      return run === undefined ? null : ok(run);
    }
  }
}

function openStream(response: ServerResponse, streams: Set<ServerResponse>): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  streams.add(response);
  response.on("close", () => streams.delete(response));
  const data = { release: "dev", time: new Date().toISOString() };
  response.write(eventText({ event: "hello", data }));
}

/** The runs that are not over, as the agent tells them at the start of its stream. */
function openRunStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const time = new Date().toISOString();
  response.write(`event: hello\ndata: ${JSON.stringify({ time })}\n\n`);
  for (const run of recordedRuns(Date.now()).filter((each) => each.state === "running")) {
    response.write(`event: run\ndata: ${JSON.stringify(run)}\n\n`);
  }
}

function eventText({ event, data }: LiveEvent): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function refuse(response: ServerResponse): void {
  response.writeHead(503, { "content-type": "application/json", "retry-after": "1" });
  const message = "The database does not answer. Look at fiber status.";
  response.end(JSON.stringify(errorBody("DATABASE_UNAVAILABLE", message)));
}

function errorBody(code: string, message: string) {
  return { status: "error", code, message, request_id: "req-recorded" };
}
