import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { FiberError } from "#contracts";
import {
  awaitLeaving,
  type Logger,
  letPortGo,
  listenWhenTold,
  portHolder,
  type Running,
} from "#runtime";
import { agentRoutes } from "./agent-routes.js";
import { proxyApi } from "./api-proxy.js";
import type { DashboardConfig } from "./config.js";
import { addSecurityHeaders } from "./security.js";
import { builtWebFolder, serveWebBuild } from "./web-build.js";

/** How long requests in flight may take after the stop, ms. */
const FINISH_MS = 5_000;

/** What the dashboard server is given; `webFolder` is the built app, by default dist's. */
export interface DashboardOptions {
  readonly config: DashboardConfig;
  readonly log: Logger;
  readonly webFolder?: string;
}

/**
 * Starts the server of the dashboard: the built app, `/api/*` handed to the API, and `/health`.
 * Under a supervisor that switches releases it is warm before it listens.
 *
 * @returns the bound port and a stop that ends open event streams
 * @throws FiberError DASHBOARD_NOT_BUILT, PORT_TAKEN
 */
export async function startDashboard(
  options: DashboardOptions,
): Promise<Running & { readonly port: number }> {
  const { config, log } = options;
  const app = await buildDashboard(options);
  app.addHook("preClose", () => awaitLeaving(app.server));
  try {
    await listenWhenTold(
      () => app.listen({ port: config.FIBER_DASHBOARD_PORT, host: config.FIBER_DASHBOARD_HOST }),
      () => Promise.all(["/health", "/"].map((url) => app.inject({ url }))),
    );
  } catch (cause) {
    await app.close();
    throw await listenError(cause, config);
  }
  const { port } = app.server.address() as AddressInfo;
  log.info({ port, host: config.FIBER_DASHBOARD_HOST, api: config.FIBER_API_URL }, "listening");
  return { port, stop: () => stopServer(app, log) };
}

/** Ends event streams, finishes what is in flight, and cuts the rest off after its time. */
async function stopServer(app: FastifyInstance, log: Logger): Promise<void> {
  letPortGo(app.server);
  const forced = setTimeout(() => {
    log.warn("requests in flight are cut off");
    app.server.closeAllConnections();
  }, FINISH_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(forced);
  }
}

async function buildDashboard(options: DashboardOptions): Promise<FastifyInstance> {
  const { config, log } = options;
  const trusted = config.FIBER_TRUSTED_PROXIES;
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: trusted.length > 0 ? trusted : false,
    // Whoever asks while it stops is answered as always, and told to come back on a new connection.
    return503OnClosing: false,
    genReqId: (request) => takeRequestId(request.headers["x-request-id"]),
  });
  app.setErrorHandler((error, request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status >= 500) request.log.error({ err: error }, "request failed");
    return reply.code(status).send({
      status: "error",
      code: status >= 500 ? "INTERNAL" : "BAD_REQUEST",
      message: status >= 500 ? "The dashboard server failed at this" : "This request is not valid",
      request_id: request.id,
    });
  });
  app.addHook("onSend", async (request, reply) => {
    if (!reply.hasHeader("x-request-id")) reply.header("x-request-id", request.id);
  });
  await addSecurityHeaders(app);
  app.get("/health", async () => ({ status: "ok" }));
  if (config.FIBER_AGENT_SOCKET !== undefined) agentRoutes(app, config.FIBER_AGENT_SOCKET);
  await proxyApi(app, config.FIBER_API_URL);
  await serveWebBuild(app, options.webFolder ?? builtWebFolder);
  return app;
}

function takeRequestId(sent: string | string[] | undefined): string {
  return typeof sent === "string" && /^[\w.-]{1,128}$/.test(sent) ? sent : randomUUID();
}

async function listenError(cause: unknown, config: DashboardConfig): Promise<unknown> {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code !== "EADDRINUSE") return cause;
  const holder = await portHolder(config.FIBER_DASHBOARD_PORT);
  const by = holder === null ? "" : ` by ${holder.command} (pid ${holder.pid})`;
  return new FiberError(
    "PORT_TAKEN",
    `Port ${config.FIBER_DASHBOARD_PORT} on ${config.FIBER_DASHBOARD_HOST} is taken${by}. ` +
      "Stop what holds it, or choose another with FIBER_DASHBOARD_PORT.",
    { cause },
  );
}
