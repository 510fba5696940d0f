import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { FiberError } from "#contracts";
import { isConnectionError } from "../pool.js";

/** Shown in pg_stat_activity for everything the runner does. */
const APPLICATION_NAME = "fiber-migrate";

/** "FIBR": keeps our advisory locks apart from other programs'. */
export const DATA_LOCK_CLASS = 0x46494252;
const POLL_MS = 100;

/** The connections of one migrating process, which nobody else is doing at the same time. */
export interface MigrationSession {
  /** On the database that is migrated. */
  readonly db: pg.Client;
  /** On the database `postgres`; it holds the lock, and can look at what `db` waits for. */
  readonly control: pg.Client;
  /** @throws FiberError LOCK_LOST when the lock's connection broke */
  assertLocked(): void;
}

/**
 * Takes the migration lock of a database, connects, runs `work`, lets go. The lock is an advisory
 * lock in the database `postgres`, asked for again and again: waiting inside the lock call would
 * hold a snapshot that CREATE INDEX CONCURRENTLY waits for, and a lock inside the database would
 * be in the way of renaming it.
 *
 * @throws FiberError MIGRATION_LOCKED, naming the holder, after `waitMs`
 */
export async function withMigrationSession<T>(
  options: { readonly connectionString: string; readonly waitMs: number },
  work: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const control = await connect(inDatabase(options.connectionString, "postgres"));
  let lost: Error | null = null;
  control.on("error", (cause) => {
    lost = cause;
  });
  try {
    await takeLock(control, databaseOf(options.connectionString), options.waitMs);
    const db = await connect(options.connectionString);
    try {
      return await work({
        db,
        control,
        assertLocked: () => {
          if (lost === null) return;
          throw new FiberError(
            "LOCK_LOST",
            `The connection that holds the migration lock broke (${lost.message}). Nothing more ` +
              "was changed; run the command again.",
            { cause: lost },
          );
        },
      });
    } finally {
      await close(db);
    }
  } finally {
    await close(control);
  }
}

/** Runs `work` on one connection of its own, without any lock: for looking only. */
export async function withConnection<T>(
  connectionString: string,
  work: (db: pg.Client) => Promise<T>,
): Promise<T> {
  const db = await connect(connectionString);
  try {
    return await work(db);
  } finally {
    await close(db);
  }
}

/** The database's name in a connection string. */
function databaseOf(connectionString: string): string {
  return decodeURIComponent(new URL(connectionString).pathname.slice(1)) || "postgres";
}

function inDatabase(connectionString: string, database: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: APPLICATION_NAME,
    connectionTimeoutMillis: 10_000,
    // A killed migrator's statement must not go on for hours.
    options: "-c TimeZone=UTC -c client_connection_check_interval=1000",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return client;
  } catch (cause) {
    await close(client);
    if (!isConnectionError(cause)) throw cause;
    const { host, pathname } = new URL(connectionString);
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      `PostgreSQL does not answer at ${host}${pathname}: ${(cause as Error).message}. Start the ` +
        "stack with fiber up, or point FIBER_DATABASE_URL at a running server.",
      { cause },
    );
  }
}

async function close(client: pg.Client): Promise<void> {
  // The server ends the session in any case; a broken connection must not hide the first error.
  await client.end().catch(() => {});
}

async function takeLock(control: pg.Client, database: string, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const { rows } = await control.query<{ taken: boolean }>(
      "SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken",
      [DATA_LOCK_CLASS, database],
    );
    if (rows[0]?.taken) return;
    if (Date.now() >= deadline) throw await lockedBy(control, database, waitMs);
    await sleep(POLL_MS);
  }
}

async function lockedBy(control: pg.Client, database: string, waitMs: number): Promise<FiberError> {
  const { rows } = await control.query<{ pid: number; name: string; since: Date }>(
    `SELECT a.pid, a.application_name AS name, a.backend_start AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
       AND l.classid = $1::bigint::oid AND l.objid = hashtext($2)::bigint::bit(32)::bigint::oid`,
    [DATA_LOCK_CLASS, database],
  );
  const holder = rows[0];
  const who = holder
    ? `session ${holder.pid} (${holder.name || "no name"}, connected since ${holder.since.toISOString()})`
    : "a session that has just ended";
  return new FiberError(
    "MIGRATION_LOCKED",
    `Database ${database} is being migrated by ${who}; waited ${waitMs} ms. Wait for it, or look ` +
      "at it with: SELECT * FROM pg_stat_activity",
  );
}
