import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { FiberError } from "#contracts";
import { type DbPool, latestSamples } from "#db";
import { awaitLeaving, letPortGo, listenWhenTold, type Running } from "#runtime";
import { type ApiDeps, buildApi } from "./build-api.js";

/** How long requests in flight may take after the stop, ms. */
const FINISH_MS = 5_000;

/** Paths whose code a warm API has run; where they ask for a token, the way to that answer. */
const WARM_UP = ["/health", "/api/status", "/api/metrics", "/api/nodes"];
const ROUNDS = 5;

/**
 * Starts the API; under a supervisor that switches releases it is warm before it listens. `stop`
 * takes no more connections, ends event streams, finishes what is in flight and forces the rest
 * after 5 s; pool and ingest log stay open for their owner.
 *
 * @throws FiberError PORT_TAKEN when something else listens there
 */
export async function startApi(deps: ApiDeps): Promise<Running & { readonly port: number }> {
  const { config, log } = deps;
  const app = await buildApi(deps);
  app.addHook("preClose", () => awaitLeaving(app.server));
  try {
    await listenWhenTold(
      () => app.listen({ host: config.host, port: config.port }),
      () => warmUp(app, deps.pool),
    );
  } catch (cause) {
    await app.close();
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new FiberError(
      "PORT_TAKEN",
      `Port ${config.port} on ${config.host} is taken; stop its holder or set FIBER_API_PORT`,
      { cause },
    );
  }
  const { port } = app.server.address() as AddressInfo;
  log.info({ host: config.host, port, release: deps.release }, "api listens");
  return {
    port,
    stop: async () => {
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
    },
  };
}

/**
 * Readers of the one before come all at once: by then every connection of the pool is open and has
 * planned the fleet's query, and the code has run. Whatever the answers are, also without a database.
 */
async function warmUp(app: FastifyInstance, pool: DbPool): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.allSettled([
      ...Array.from({ length: pool.options.max }, () => latestSamples(pool)),
      ...WARM_UP.map((url) => app.inject({ url })),
    ]);
  }
}
