import pg from "pg";
import { FiberError } from "#contracts";
import { createSampleWriter, type Db, type SampleWriter } from "#db";
import { cutConnection } from "../cut-connection.js";

/** The connections of a direct log: they are opened together and given up together. */
export interface Session {
  /** For everything but rows: series, fence, partitions, NOTIFY. */
  readonly control: Db;
  readonly writers: readonly SampleWriter[];
  /** OID of the `series` table that ids come from. */
  readonly seriesOid: number;
  /** Ends all connections; never rejects. */
  end(): Promise<void>;
}

/** Who a session belongs to. */
export type SessionName = "fiber-ingest" | "fiber-etl" | "fiber-replay" | "fiber-watch";

/** How to open a {@link Session}. */
export interface SessionOptions {
  readonly connectionString: string;
  /** Begins the connections' application names: "fiber-ingest" in an API, "fiber-etl" in an ETL. */
  readonly name: SessionName;
  /** Connections that write rows; 0 for a session that only watches. */
  readonly writers: number;
  /** Whether what is written comes from an ingest log whose messages are noted. */
  readonly notesApplied: boolean;
  /** Called once when a connection breaks after the session was opened. */
  readonly onBroken: (error: Error) => void;
  readonly onNotification: (payload: string) => void;
}

const IDENTITY = `
  SELECT (SELECT oid FROM pg_database WHERE datname = current_database())::int8::text AS database,
         to_regclass('series')::oid::int8::text AS series,
         pg_is_in_recovery() AS standby`;

/**
 * Connects and checks that all connections reached the same database, that it takes writes and
 * holds our tables.
 *
 * @throws the driver's error, or FiberError DATABASE_UNAVAILABLE saying what is not as it must be
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const clients: pg.Client[] = [];
  let opened = false;
  const end = async () => {
    opened = false;
    await Promise.allSettled(clients.map((client) => endClient(client)));
  };
  const connect = async (role: string, limits: pg.ClientConfig) => {
    const client = new pg.Client({
      connectionString: options.connectionString,
      application_name: `${options.name}-${role}`,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      options: "-c TimeZone=UTC",
      ...limits,
    });
    clients.push(client);
    const broken = (error: Error) => {
      if (!opened) return;
      opened = false;
      options.onBroken(error);
    };
    client.on("error", broken);
    client.on("end", () => broken(new Error("Connection terminated")));
    await client.connect();
    return client;
  };

  try {
    const control = await connect("control", { statement_timeout: 8_000, query_timeout: 10_000 });
    const identity = await identify(control);
    const writers: SampleWriter[] = [];
    for (let index = 1; index <= options.writers; index++) {
      const client = await connect(`writer-${index}`, { statement_timeout: 30_000 });
      const other = await identify(client);
      if (other.database !== identity.database || other.series !== identity.series) {
        throw unavailable("The database was replaced while connecting to it; trying again.");
      }
      writers.push(await createSampleWriter(client, identity.series, options));
    }
    control.on("notification", ({ payload }) => options.onNotification(payload ?? ""));
    await control.query("LISTEN fiber_changes");
    opened = true;
    return { control: oneAtATime(control), writers, seriesOid: identity.series, end };
  } catch (err) {
    await end();
    throw err;
  }
}

/** Queries of several parts of the log take turns on one connection. */
function oneAtATime(db: Db): Db {
  let last: Promise<unknown> = Promise.resolve();
  return {
    query<Row extends pg.QueryResultRow>(
      text: string | pg.QueryConfig,
      values?: readonly unknown[],
    ) {
      const next = last.then(() => db.query<Row>(text, values));
      // Who asked hears of a failure; the next one in turn does not.
      last = next.catch(() => null);
      return next;
    },
  };
}

async function identify(client: pg.Client): Promise<{ database: string; series: number }> {
  const { rows } = await client.query<{
    database: string;
    series: string | null;
    standby: boolean;
  }>(IDENTITY);
  const row = rows[0];
  if (row === undefined || row.series === null) {
    throw unavailable("The database has no tables of ours yet: run `fiber migrate upgrade head`.");
  }
  if (row.standby) throw unavailable("The database is a read-only standby: promote it first.");
  return { database: row.database, series: Number(row.series) };
}

async function endClient(client: pg.Client): Promise<void> {
  // A server that hangs does not answer the goodbye: then the socket is closed without it.
  const forced = setTimeout(() => cutConnection(client), 1_000);
  try {
    await client.end();
  } finally {
    clearTimeout(forced);
    cutConnection(client);
  }
}

function unavailable(message: string): FiberError {
  return new FiberError("DATABASE_UNAVAILABLE", message, { retryAfterS: 1 });
}
