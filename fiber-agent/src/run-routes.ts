import type { ServerResponse } from "node:http";
import { FiberError } from "#contracts";
import {
  createFolderFinder,
  createReleaseStore,
  currentTag,
  listRuns,
  type Readiness,
  readRun,
  releaseOverview,
  watchRuns,
} from "#rollback";
import type { Clock, Logger } from "#runtime";
import { type AgentRoute, answerOk } from "./agent-server.js";
import type { ReadAccess } from "./read-access.js";
import { toReadinessView, toReleaseView, toRunSummary, toRunView } from "./run-views.js";

/** What the routes read. */
export interface RunRouteDeps {
  readonly stateDir: string;
  readonly readiness: () => Promise<Readiness>;
  /** Refuses who may not read. */
  readonly access: ReadAccess;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A comment this often keeps proxies from cutting a silent stream, ms. */
const HEARTBEAT_MS = 15_000;
/** What a follower may leave unread before it is dropped, bytes. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
const MAX_FOLLOWERS = 200;
const DEFAULT_RUNS = 50;
/** Readiness asks git, disk and database, and many screens ask for it, ms. */
const READINESS_KEPT_MS = 5_000;

/** Releases, runs and readiness, for the API, the dashboard and whoever owns the socket. */
export function runRoutes(deps: RunRouteDeps): readonly AgentRoute[] {
  const { stateDir, access } = deps;
  const get = (path: string | RegExp, read: (asked: Asked) => Promise<unknown>): AgentRoute => ({
    method: "GET",
    path,
    answer: async ({ headers, url, params }) => {
      access(headers);
      return answerOk(await read({ query: url.searchParams, params }));
    },
  });
  const readiness = shared(deps);
  return [
    get("/api/releases", async () => {
      const facts = {
        findArtefact: createFolderFinder(stateDir),
        running: await currentTag(stateDir),
      };
      const releases = await releaseOverview(createReleaseStore(stateDir), facts);
      return releases.map(toReleaseView);
    }),
    get("/api/runs", async ({ query }) => {
      const runs = await listRuns(stateDir, (id, error) =>
        deps.log.warn({ id, code: error.code }, "a run cannot be read"),
      );
      return runs.slice(0, limitOf(query)).map(toRunSummary);
    }),
    liveRoute(deps),
    get(/\/api\/runs\/([0-9A-Za-z-]{1,64})/, async ({ params }) =>
      toRunView(await readRun(stateDir, params[0] ?? "")),
    ),
    get("/api/readiness", async () => toReadinessView(await readiness())),
  ];
}

interface Asked {
  readonly query: URLSearchParams;
  readonly params: readonly string[];
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get("limit") ?? DEFAULT_RUNS);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw new FiberError("BAD_REQUEST", "limit must be a number from 1 to 200");
}

/** One look serves everybody who asks within a few seconds; a failing one is not kept. */
function shared({ readiness, clock }: RunRouteDeps): () => Promise<Readiness> {
  let last: { readonly atMs: number; readonly answer: Promise<Readiness> } | null = null;
  return async () => {
    const nowMs = clock.now();
    if (last === null || Math.abs(nowMs - last.atMs) >= READINESS_KEPT_MS) {
      last = { atMs: nowMs, answer: readiness() };
    }
    try {
      return await last.answer;
    } catch (err) {
      last = null;
      throw err;
    }
  };
}

/** GET /api/runs/live: server-sent events, for as long as the follower stays. */
function liveRoute({ stateDir, access, clock, log }: RunRouteDeps): AgentRoute {
  let followers = 0;
  return {
    method: "GET",
    path: "/api/runs/live",
    async answer({ headers, response, signal }) {
      access(headers);
      if (followers >= MAX_FOLLOWERS) {
        throw new FiberError("OVERLOADED", "Too many screens follow the runs. Close some.");
      }
      followers++;
      const beat = setInterval(() => void response.write(": still here\n\n"), HEARTBEAT_MS);
      try {
        response.writeHead(200, {
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-store",
        });
        write(response, "hello", { time: new Date(clock.now()).toISOString() });
        for await (const event of watchRuns(stateDir, { signal })) {
          const kept =
            event.kind === "run"
              ? write(response, "run", toRunView(event.run))
              : write(response, "unreadable", {
                  id: event.id,
                  code: event.error.code,
                  message: event.error.message,
                });
          if (!kept) break;
        }
      } catch (err) {
        // The answer has begun: all that is left is to end it, so that the follower comes again.
        log.error({ err }, "following the runs failed");
      } finally {
        clearInterval(beat);
        followers--;
        response.end();
      }
      return "handled";
    },
  };
}

/** False when the follower reads too slowly and was dropped. */
function write(response: ServerResponse, event: string, data: unknown): boolean {
  if (response.writableLength > MAX_UNREAD_BYTES) {
    response.destroy();
    return false;
  }
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  return true;
}
