import pg from "pg";

/** Anything a query can run on: a pool, or one connection inside a transaction. */
export interface Db {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string | pg.QueryConfig,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>;
}

/** A pool of connections to one database. */
export type DbPool = pg.Pool;

/** One connection of a {@link DbPool}. */
export type DbConnection = pg.PoolClient;

/** How to reach the database and how many connections to hold. */
export interface PoolOptions {
  readonly connectionString: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly max?: number;
  readonly statementTimeoutMs?: number;
  /** Called when an idle connection breaks; without a listener Node would exit. */
  readonly onError: (err: Error) => void;
}

/** Opens a pool; connects on first use. Sessions run in UTC. */
export function createPool(options: PoolOptions): DbPool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max ?? 5,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    options: "-c TimeZone=UTC",
  });
  pool.on("error", options.onError);
  // While a connection is lent out the pool does not listen to it, and Node would exit when it
  // breaks between two queries; whoever borrowed it hears of it from the next query.
  pool.on("connect", (connection) => connection.on("error", () => {}));
  return pool;
}

const CONNECTION_CODES = new Set([
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "3D000", // database does not exist
  "53300", // too many connections
  "EPIPE",
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "ENOENT",
]);

/**
 * Whether an error means that the database is away rather than that the query is wrong:
 * SQLSTATE class 08, shutdown and missing-database codes, socket errors, and the driver's own
 * messages for a connection that ended (it gives those no code).
 */
export function isConnectionError(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  const code = (err as { code?: unknown }).code;
  if (typeof code === "string") return code.startsWith("08") || CONNECTION_CODES.has(code);
  return /^Connection terminated|^timeout exceeded when trying to connect|^Client has encountered a connection error/.test(
    err.message,
  );
}

/** Runs `work` in one transaction on one connection; rolls back when it throws. */
export async function inTransaction<T>(
  pool: DbPool,
  work: (db: DbConnection) => Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  let broken: Error | undefined;
  try {
    await connection.query("BEGIN");
    const result = await work(connection);
    await connection.query("COMMIT");
    return result;
  } catch (err) {
    await connection.query("ROLLBACK").catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw err;
  } finally {
    connection.release(broken);
  }
}
