import type { TestProject } from "vitest/node";
import { startScratchPostgres } from "./scratch-postgres.js";
import { makeTemplate } from "./test-database.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection string of the run's server, database `postgres`. */
    postgresUrl: string;
  }
}

/**
 * Vitest's global set-up: one PostgreSQL for the whole run, with a migrated template. It syncs
 * nothing to disk, for speed; tests that kill a server start a scratch one.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startScratchPostgres({
    settings: { fsync: "off", synchronous_commit: "off", max_connections: "200" },
  });
  try {
    await makeTemplate(server.url("postgres"));
  } catch (cause) {
    await server.remove();
    throw cause;
  }
  project.provide("postgresUrl", server.url("postgres"));
  return () => server.remove();
}
