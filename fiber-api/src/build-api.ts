import { createServer as createHttpServer } from "node:http";
import compress from "@fastify/compress";
import helmet from "@fastify/helmet";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import type { Registry } from "prom-client";
import type { IngestLog } from "#contracts";
import { type DbPool, listenChanges } from "#db";
import type { Clock, Logger } from "#runtime";
import { answerBrokenRequest, answerError } from "./answer-error.js";
import { createAccess } from "./auth/access.js";
import { createTokenCache } from "./auth/token-cache.js";
import type { ApiConfig } from "./config.js";
import { apiDocs } from "./docs.js";
import { jsonBodies } from "./json-bodies.js";
import { createRateLimit } from "./limits/rate-limit.js";
import { createLiveHub } from "./live/live-hub.js";
import { liveRoute } from "./live/live-route.js";
import { createLiveSource } from "./live/live-source.js";
import { logRequests } from "./log-requests.js";
import { missingRoutes } from "./missing-routes.js";
import { createPushHandler } from "./push/handle-push.js";
import { plainPushes } from "./push/plain-push.js";
import { answerPlainFirst, type PlainAnswerer } from "./push/plain-sockets.js";
import { pushRoute } from "./push/push-route.js";
import { createStatusReader } from "./read-status.js";
import { requestIds } from "./request-ids.js";
import { createRequestMetrics, serveMetrics } from "./request-metrics.js";
import { agentRoutes } from "./routes/agent-routes.js";
import { aggregatedRoute } from "./routes/aggregated-route.js";
import { clusterRoute } from "./routes/cluster-route.js";
import { heartbeatRoute } from "./routes/heartbeat-route.js";
import { maintenanceRoute } from "./routes/maintenance-route.js";
import { metaRoutes } from "./routes/meta-routes.js";
import { metricsRoute } from "./routes/metrics-route.js";
import { nodeRoutes } from "./routes/node-routes.js";
import { seriesRoute } from "./routes/series-route.js";
import { statusRoute } from "./routes/status-route.js";
import { ALWAYS_SENT } from "./sent-headers.js";

/** What the API is made of. The pool and the log stay their owner's: the API closes neither. */
export interface ApiDeps {
  readonly config: ApiConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly pool: DbPool;
  readonly ingestLog: IngestLog;
  /** The release that runs; "dev" for a working tree. */
  readonly release: string;
  /** Adds gauges of the composition root's own to /metrics. */
  readonly moreMetrics?: (register: Registry) => void;
}

/** The API without a listening port. `close` it to end its streams and its listening connection. */
export async function buildApi(deps: ApiDeps): Promise<FastifyInstance> {
  const { config, log, clock, pool, ingestLog, release } = deps;
  const tokens = createTokenCache(pool);
  const now = () => clock.now();
  const hub = createLiveHub({ source: createLiveSource(pool, clock), log });
  const metrics = createRequestMetrics({ ingestLog, pool, hub, moreMetrics: deps.moreMetrics });
  const handle = createPushHandler({ ingestLog, clock, log });
  const pushes = createRateLimit(config.pushPerMin, now);
  let closing = false;
  const failedLogins = createRateLimit(config.failedLoginsPerMin, now);
  const plain = plainPushes({
    ...{ handle, tokens, limit: pushes, failedLogins, log },
    observe: metrics.observe,
    isClosing: () => closing,
  });
  const app = createServer(config, log, plain);
  const access = createAccess({ tokens, anonymous: config.anonymous, failedLogins });
  const reads = createRateLimit(config.readsPerMin, now);
  const mayRead = access("read", reads);
  const mayPush = access("push", pushes);
  const status = createStatusReader({
    db: pool,
    ingestLog,
    clock,
    log,
    release,
    schemaCompatible: config.schemaCompatible,
  });
  const listening = listenChanges({
    pool,
    clock,
    onChange: hub.change,
    // The connection was new or lost, so the database may be another one (a restore, a swap).
    onReady: () => {
      tokens.clear();
      status.clear();
      hub.changeAll();
    },
    onLost: (err) => log.warn({ err }, "listening for changes was interrupted"),
  });
  app.addHook("preClose", async () => {
    closing = true;
    await hub.close();
  });
  app.addHook("onClose", () => listening.stop());

  await apiDocs(app);
  serveMetrics(app, metrics);
  await app.register(async (scope) => pushRoute(scope, { handle, mayPush }));
  await app.register(async (scope) => {
    await scope.register(helmet, { strictTransportSecurity: false });
    await scope.register(compress, { threshold: 1_024, encodings: ["gzip", "deflate"] });
    const read = { db: pool, clock, mayRead };
    metaRoutes(scope);
    statusRoute(scope, status);
    metricsRoute(scope, read);
    seriesRoute(scope, read);
    aggregatedRoute(scope, read);
    clusterRoute(scope, read);
    maintenanceRoute(scope, read);
    nodeRoutes(scope, {
      ...read,
      tokens,
      mayOperate: access("operate", reads),
      mayAdminister: access("administer", reads),
    });
    heartbeatRoute(scope, { pool, mayPush });
    agentRoutes(scope, { mayRead, socket: config.agentSocket });
    liveRoute(scope, { hub, mayRead, tokens, clock, release });
  });
  return app;
}

const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 72_000;

function createServer(
  config: ApiConfig,
  log: FastifyBaseLogger,
  plain: PlainAnswerer,
): FastifyInstance {
  const app = Fastify({
    // Fastify sets time-outs on servers of its own making only.
    serverFactory: (next) => {
      const server = createHttpServer(
        { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS },
        next,
      );
      answerPlainFirst(server, plain);
      return server;
    },
    loggerInstance: log,
    // A child logger per request costs more than a push; log lines name their request themselves.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: [...config.trustedProxies],
    genReqId: () => "",
    requestIdHeader: false,
    bodyLimit: 1024 * 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    clientErrorHandler: answerBrokenRequest,
  });
  app.decorateRequest("caller", null);
  app.decorateRequest("traceId", "");
  app.decorateRequest("storedSamples", 0);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  app.addHook("onRequest", (request, reply, done) => {
    const { requestId, traceId } = requestIds(request.headers);
    request.id = requestId;
    request.traceId = traceId;
    reply.header("x-request-id", requestId);
    reply.header("x-trace-id", traceId);
    reply.headers(ALWAYS_SENT);
    done();
  });
  logRequests(app);
  jsonBodies(app);
  missingRoutes(app);
  return app;
}
