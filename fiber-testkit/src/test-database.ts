import { randomBytes } from "node:crypto";
import pg from "pg";
import { createPool, type DbPool, upgrade } from "#db";

/** A database of one test file's own, at the newest migration. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: DbPool;
  /** Closes the pool, ends other sessions, drops the database. */
  drop(): Promise<void>;
}

const TEMPLATE = "fiber_template";

/** Makes the template that {@link createTestDatabase} clones. */
export async function makeTemplate(serverUrl: string): Promise<void> {
  await onServer(serverUrl, (client) => client.query(`CREATE DATABASE ${TEMPLATE}`));
  await upgrade({ connectionString: inDatabase(serverUrl, TEMPLATE) });
}

/**
 * Clones the run's migrated template; with `template: null` the database is empty. Works inside
 * the Vitest project "integration" only, whose global set-up starts the servers.
 */
export async function createTestDatabase(
  options: { readonly template?: null } = {},
): Promise<TestDatabase> {
  const { inject } = await import("vitest");
  const urls = inject("postgresUrls");
  // Vitest numbers its workers from 1.
  const serverUrl = urls[Number(process.env.VITEST_POOL_ID) - 1];
  if (serverUrl === undefined) {
    throw new Error(
      `There is no server for worker ${process.env.VITEST_POOL_ID} of ${urls.length}`,
    );
  }
  const name = `test_${randomBytes(8).toString("hex")}`;
  const template = options.template === null ? "template0" : TEMPLATE;
  await onServer(serverUrl, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`),
  );
  const url = inDatabase(serverUrl, name);
  const pool = createPool({
    connectionString: url,
    applicationName: "fiber-test",
    // Tests end sessions on purpose; what matters to them fails in their own query.
    onError: () => {},
  });
  return {
    url,
    pool,
    async drop() {
      await pool.end();
      await onServer(serverUrl, (client) =>
        client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      );
    },
  };
}

function inDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer(
  serverUrl: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
