import { type StackStatus, type StatePaths, stackStatusSchema, statePaths } from "#agent";
import { FiberError } from "#contracts";
import { createPool, type DbPool, embeddedDatabaseUrl, isConnectionError } from "#db";
import { askAgent, stateFolder } from "#runtime";

/** The parts of this installation's state folder. */
export async function locateStack(): Promise<StatePaths> {
  return statePaths(await stateFolder());
}

/** The running stack's status, or null when none runs. */
export async function readStatus(paths: StatePaths): Promise<StackStatus | null> {
  const answer = await askAgent(paths.socket, "GET", "/status");
  return answer === null ? null : stackStatusSchema.parse(answer);
}

/**
 * Where the database is: FIBER_DATABASE_URL, else this installation's embedded server.
 *
 * @throws FiberError DATABASE_UNAVAILABLE when there is neither
 */
export async function databaseUrl(): Promise<string> {
  const given = process.env.FIBER_DATABASE_URL;
  if (given) return given;
  return embeddedDatabaseUrl({ stateDir: await stateFolder(), database: "fiberstack" });
}

/**
 * Runs `work` on a short-lived pool to the installation's database.
 *
 * @throws FiberError DATABASE_UNAVAILABLE when it cannot be reached
 */
export async function withDatabase<T>(work: (db: DbPool) => Promise<T>): Promise<T> {
  const url = await databaseUrl();
  const pool = createPool({
    connectionString: url,
    applicationName: "fiber",
    max: 2,
    onError: () => undefined, // the query that meets the broken connection reports it
  });
  try {
    return await work(pool);
  } catch (err) {
    if (!isConnectionError(err)) throw err;
    const { host, pathname } = new URL(url);
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      `The database at ${host}${pathname} cannot be reached: ${(err as Error).message}. ` +
        "Check that it runs and that FIBER_DATABASE_URL is right.",
      { cause: err },
    );
  } finally {
    await pool.end();
  }
}
