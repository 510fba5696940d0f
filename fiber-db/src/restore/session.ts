import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import type { Db } from "../pool.js";

/** One connection of its own, for work that must not share: locks, renames, long copies. */
export interface Session extends Db {
  /** The server process that serves this session. */
  readonly pid: number;
  readonly client: pg.Client;
  /** False once the server or the network ended it. */
  isOpen(): boolean;
  /** Ends it; never rejects. */
  close(): Promise<void>;
}

/** Opens a session in UTC without a statement timeout; a session that breaks never ends Node. */
export async function openSession(
  connectionString: string,
  applicationName = "fiber restore",
): Promise<Session> {
  const client = new pg.Client({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    options: "-c TimeZone=UTC -c statement_timeout=0 -c idle_in_transaction_session_timeout=0",
  });
  let open = true;
  const lost = () => {
    open = false;
  };
  client.on("error", lost);
  client.on("end", lost);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return {
    pid: rows[0]?.pid ?? 0,
    client,
    query: (text, values) => client.query(text as string, values as unknown[]),
    isOpen: () => open,
    close: () => client.end().catch(() => {}),
  };
}

/** Opens a session, works, and closes it whatever happens. */
export async function withSession<T>(
  connectionString: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(connectionString);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/**
 * Readies a superuser's session for reading whole tables once: room for one group per series and
 * hour in memory, and no time spent on packing the WAL of the hint bits that the first reading of
 * freshly loaded rows writes.
 */
export async function readyForScans(session: Session): Promise<void> {
  await session.query("SET work_mem = '64MB'; SET wal_compression = off");
}

/** Runs `work` in one transaction of a session; rolls back when it throws. */
export async function inSession<T>(
  session: Session,
  work: () => Promise<T>,
  begin = "BEGIN",
): Promise<T> {
  await session.query(begin);
  try {
    const result = await work();
    await session.query("COMMIT");
    return result;
  } catch (err) {
    // The first error is the one to tell; a session that is gone has rolled back by itself.
    await session.query("ROLLBACK").catch(() => {});
    throw err;
  }
}

/**
 * Streams the rows of one query into a table of another session; resolves to how many. When either
 * side fails, the source session is ended: rows that nobody takes any more would keep it for ever.
 */
export async function copyBetween(
  source: Session,
  select: string,
  target: Session,
  into: string,
): Promise<number> {
  const reader = source.client.query(copyTo(`COPY (${select}) TO STDOUT`));
  const writer = target.client.query(copyFrom(`COPY ${into} FROM STDIN`));
  try {
    await pipeline(reader, writer);
  } catch (err) {
    await source.close();
    throw err;
  }
  return writer.rowCount;
}

/** A name as SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as an SQL literal. */
export function quoteText(text: string): string {
  return pg.escapeLiteral(text);
}
