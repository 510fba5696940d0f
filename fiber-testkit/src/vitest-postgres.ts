import type { TestProject } from "vitest/node";
import { type ScratchPostgres, startScratchPostgres } from "./scratch-postgres.js";
import { makeTemplate } from "./test-database.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection strings of the run's servers, database `postgres`: one server a worker. */
    postgresUrls: readonly string[];
  }
}

/**
 * Vitest's global set-up: a PostgreSQL for each worker, with a migrated template. What counts for a
 * whole server (locks of a backup, leftover databases) is then one test file's own while it runs.
 * They sync nothing to disk, for speed; tests that kill a server start a scratch one.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: Promise<ScratchPostgres>[] = [];
  const stop = async () => {
    const servers = await Promise.allSettled(started);
    for (const server of servers) if (server.status === "fulfilled") await server.value.remove();
  };
  try {
    for (let worker = 0; worker < project.vitest.config.maxWorkers; worker++)
      started.push(startServer());
    const servers = await Promise.all(started);
    project.provide(
      "postgresUrls",
      servers.map((server) => server.url("postgres")),
    );
  } catch (cause) {
    await stop();
    throw cause;
  }
  return stop;
}

async function startServer(): Promise<ScratchPostgres> {
  const server = await startScratchPostgres({
    settings: { fsync: "off", synchronous_commit: "off", max_connections: "200" },
  });
  try {
    await makeTemplate(server.url("postgres"));
  } catch (cause) {
    await server.remove();
    throw cause;
  }
  return server;
}
