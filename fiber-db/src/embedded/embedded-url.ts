import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { dataFolder } from "./cluster.js";
import { readPassword } from "./pgpass.js";
import { parsePidFile } from "./server.js";

const DEFAULT_PORT = 5432;

/**
 * The connection string of a state folder's own PostgreSQL, for commands that run beside the
 * stack: password from `<state>/pgpass`, port from `port`, else from the running server, else 5432.
 *
 * @throws FiberError DATABASE_UNAVAILABLE when there is no such server, or it is somebody else's
 */
export async function embeddedDatabaseUrl(options: {
  readonly stateDir: string;
  readonly database: string;
  readonly port?: number;
}): Promise<string> {
  const { stateDir, database } = options;
  const file = join(stateDir, "pgpass");
  const password = await readPassword(file).catch((cause: NodeJS.ErrnoException) => {
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      `The database's password file ${file} cannot be read (${cause.message}). Run the command as ` +
        "the user who started the stack.",
      { cause },
    );
  });
  if (password === null) {
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      `There is no database in ${stateDir} yet. Start the stack with fiber up, or set ` +
        "FIBER_DATABASE_URL to a PostgreSQL of your own.",
    );
  }
  const port = options.port ?? (await runningPort(stateDir)) ?? DEFAULT_PORT;
  return `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

async function runningPort(stateDir: string): Promise<number | null> {
  const path = join(dataFolder(stateDir), "postmaster.pid");
  const text = await readFile(path, "utf8").catch(() => "");
  return parsePidFile(text)?.port ?? null;
}
