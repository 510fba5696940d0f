import type { FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { z } from "zod";
import type { IngestLog } from "#contracts";
import type { DbPool } from "#db";
import type { LiveHub } from "./live/live-hub.js";

/** What is counted beside requests. */
export interface MetricsDeps {
  readonly ingestLog: IngestLog;
  readonly pool: DbPool;
  readonly hub: LiveHub;
  /** Adds what the composition root knows and the API does not. */
  readonly moreMetrics?: ((register: Registry) => void) | undefined;
}

/** One answered request. */
interface AnsweredRequest {
  readonly method: string;
  /** The route's pattern; "none" for an unknown one. */
  readonly route: string;
  readonly status: number;
  readonly tookMs: number;
  /** Samples of it that are durable now. */
  readonly storedSamples: number;
}

/** Counts one answered request. */
export type ObserveRequest = (request: AnsweredRequest) => void;

/** Counts requests by route and status. */
export interface RequestMetrics {
  readonly register: Registry;
  readonly observe: ObserveRequest;
}

/** Makes the counts; {@link serveMetrics} shows them. */
export function createRequestMetrics(deps: MetricsDeps): RequestMetrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const seconds = new Histogram({
    name: "fiber_http_request_duration_seconds",
    help: "Time to answer, by method, route and status",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [register],
  });
  const samples = new Counter({
    name: "fiber_pushed_samples_total",
    help: "Samples answered 202",
    registers: [register],
  });
  addGauges(register, deps);
  deps.moreMetrics?.(register);

  const children = new Map<string, ReturnType<typeof seconds.labels>>();
  const observe: ObserveRequest = ({ method, route, status, tookMs, storedSamples }) => {
    const key = `${method} ${route} ${status}`;
    let child = children.get(key);
    if (child === undefined) {
      child = seconds.labels(method, route, String(status));
      children.set(key, child);
    }
    child.observe(tookMs / 1000);
    if (storedSamples > 0) samples.inc(storedSamples);
  };
  return { register, observe };
}

/** Counts what Fastify answers, and serves the counts at GET /metrics. */
export function serveMetrics(app: FastifyInstance, { register, observe }: RequestMetrics): void {
  app.addHook("onResponse", (request, reply, done) => {
    observe({
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: reply.statusCode,
      tookMs: reply.elapsedTime,
      storedSamples: request.storedSamples,
    });
    done();
  });
  app.get(
    "/metrics",
    {
      schema: {
        tags: ["service"],
        summary: "Counts in Prometheus' text format",
        response: {
          200: {
            description: "text for a scraper",
            content: { "text/plain": { schema: z.string() } },
          },
        },
      },
    },
    async (_request, reply) =>
      reply.header("content-type", register.contentType).send(await register.metrics()),
  );
}

type AddGauge = (name: string, help: string, read: () => number) => void;

/** What is not known is NaN, which a scraper takes as absent, never 0. */
function addQueueGauges(gauge: AddGauge, ingestLog: IngestLog): void {
  const queue = () => ingestLog.status().queue;
  const known = (value: number | null | undefined) => value ?? Number.NaN;
  gauge("fiber_queue_connected", "1 while samples can be published", () =>
    Number(queue()?.connected ?? false),
  );
  gauge("fiber_queue_consumers", "fiber etl processes on the database", () =>
    known(queue()?.consumers),
  );
  gauge("fiber_queue_bytes", "Bytes in the stream", () => known(queue()?.bytes));
  gauge("fiber_queue_max_bytes", "Bytes that the stream may hold", () => known(queue()?.maxBytes));
  gauge("fiber_queue_dead_letters", "Messages that the database refuses", () =>
    known(queue()?.dead),
  );
  gauge("fiber_queue_replay_from_seconds", "When the oldest message came, epoch seconds", () =>
    known(mapNull(queue()?.replayFromMs, (ms) => ms / 1_000)),
  );
}

function mapNull(value: number | null | undefined, map: (value: number) => number): number | null {
  return value === null || value === undefined ? null : map(value);
}

function addGauges(register: Registry, { ingestLog, pool, hub }: MetricsDeps): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [register],
      collect() {
        this.set(read());
      },
    });
  gauge(
    "fiber_ingest_depth",
    "Samples (jetstream: messages) waiting to be stored",
    () => ingestLog.status().depth,
  );
  gauge(
    "fiber_ingest_lag_seconds",
    "Age of the oldest waiting sample",
    () => ingestLog.status().lagS,
  );
  gauge("fiber_ingest_fenced", "1 while ingest is fenced", () => Number(ingestLog.status().fenced));
  if (ingestLog.status().log === "jetstream") addQueueGauges(gauge, ingestLog);
  gauge("fiber_db_connections", "Open connections of the API's pool", () => pool.totalCount);
  gauge("fiber_db_waiting", "Queries waiting for a connection", () => pool.waitingCount);
  gauge("fiber_live_streams", "Open event streams", () => hub.size());
}
