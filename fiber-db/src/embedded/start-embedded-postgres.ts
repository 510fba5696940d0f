import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { FiberError } from "#contracts";
import { type Logger, makeStateFolder, mustRun } from "#runtime";
import { prepareBinaries } from "./binaries.js";
import {
  asOwner,
  type Cluster,
  clusterIdentifier,
  dataFolder,
  ensureCluster,
  makeServerFolder,
  writeSettings,
} from "./cluster.js";
import { serverOwner } from "./owner.js";
import { ensurePassword } from "./pgpass.js";
import { isAlive } from "./processes.js";
import { type RunningServer, runningServer, startServer, stopServer } from "./server.js";
import { DEFAULT_SETTINGS } from "./settings.js";

/** A PostgreSQL that runs from the npm package, with its data in a state folder. */
export interface EmbeddedPostgres {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** `pg_control_system().system_identifier`. */
  readonly systemIdentifier: string;
  /** A file for PGPASSFILE. */
  readonly pgpassFile: string;
  /** True when the server was found running, left over from a killed supervisor. */
  readonly adopted: boolean;
  /** A connection string, with the password, for one of the server's databases. */
  url(database: string): string;
  /** Whether the server's process still exists. */
  isAlive(): boolean;
  /** Ends all sessions, writes everything, waits until the server is gone. */
  stop(): Promise<void>;
}

/** What to start and where. */
export interface EmbeddedPostgresOptions {
  /** Absolute; made when missing. */
  readonly stateDir: string;
  readonly port: number;
  readonly log: Logger;
  /** PostgreSQL settings over {@link DEFAULT_SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the npm package's `native` folder lies, when not where npm put it. */
  readonly native?: string;
}

/**
 * Starts PostgreSQL on 127.0.0.1, making its cluster and the database `fiberstack` when they do
 * not exist yet. A server that a killed supervisor left running on this state folder is adopted
 * when it listens on the wanted port, and stopped first otherwise.
 *
 * @throws FiberError PORT_TAKEN, POSTGRES_START_FAILED, POSTGRES_USER_UNUSABLE,
 * POSTGRES_BINARIES_MISSING, STATE_FOLDER_UNUSABLE, DATABASE_VERSION, POSTGRES_STRANGER
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { port, log } = options;
  makeStateFolder(options.stateDir);
  const stateDir = await realpath(options.stateDir);
  const cluster = await openCluster(stateDir, options);
  const pgpassFile = join(stateDir, "pgpass");
  const { password, made } = await ensurePassword(pgpassFile);
  const fresh = await ensureCluster(cluster, password);
  await writeSettings(cluster, { ...DEFAULT_SETTINGS, ...options.settings });

  const forgotten = made && !fresh;
  if (forgotten) await resetPassword(cluster, password);
  const orphan = await adoptable(cluster, port);
  const server = orphan ?? (await startServer(cluster, port));
  const url = (database: string) =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const systemIdentifier = await verify(cluster, url("postgres"));
  log.info(
    { port, serverPid: server.pid, adopted: orphan !== null },
    "PostgreSQL accepts connections",
  );
  return {
    port,
    pid: server.pid,
    systemIdentifier,
    pgpassFile,
    adopted: orphan !== null,
    url,
    isAlive: () => isAlive(server.pid),
    stop: () => stopServer(cluster),
  };
}

/**
 * Stops the PostgreSQL that a killed supervisor left running on a state folder. Says whether
 * there was one; nothing is made where there is no cluster.
 */
export async function stopEmbeddedPostgres(
  options: Pick<EmbeddedPostgresOptions, "stateDir" | "log" | "native">,
): Promise<boolean> {
  const stateDir = await realpath(options.stateDir).catch(() => null);
  if (stateDir === null) return false;
  if ((await stat(dataFolder(stateDir)).catch(() => null)) === null) return false;
  const cluster = await openCluster(stateDir, options);
  if ((await runningServer(cluster)) === null) return false;
  await stopServer(cluster);
  return true;
}

async function openCluster(
  stateDir: string,
  options: Pick<EmbeddedPostgresOptions, "log" | "native">,
): Promise<Cluster> {
  const data = dataFolder(stateDir);
  const owner = await serverOwner(data, options.log);
  const folder = await makeServerFolder(stateDir, owner);
  const { log, native } = options;
  const binaries = await prepareBinaries({
    folder,
    owner,
    log,
    ...(native === undefined ? {} : { native }),
  });
  return { binaries, owner, folder, data, log };
}

async function adoptable(cluster: Cluster, port: number): Promise<RunningServer | null> {
  const server = await runningServer(cluster);
  if (server === null || server.port === port) return server;
  cluster.log.warn(
    { serverPid: server.pid, foundPort: server.port, wantedPort: port },
    "stopping a PostgreSQL of ours that listens on another port",
  );
  await stopServer(cluster);
  return null;
}

/** Gives user postgres a password without knowing the old one, which takes a stopped server. */
async function resetPassword(cluster: Cluster, password: string): Promise<void> {
  cluster.log.warn("the database's password file was gone; setting a new password");
  await stopServer(cluster);
  await mustRun(
    [join(cluster.binaries.folder, "bin", "postgres"), "--single", "-D", cluster.data, "postgres"],
    {
      ...asOwner(cluster.owner, cluster.folder),
      input: `ALTER ROLE postgres PASSWORD '${password}'\n`,
    },
  );
}

async function verify(cluster: Cluster, url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ id: string; made: boolean }>(
      `SELECT system_identifier::text AS id,
              EXISTS (SELECT FROM pg_database WHERE datname = 'fiberstack') AS made
       FROM pg_control_system()`,
    );
    const found = rows[0];
    const ours = await clusterIdentifier(cluster.data);
    if (found?.id !== ours) throw stranger(cluster, found?.id ?? "nothing");
    if (!found.made) await client.query("CREATE DATABASE fiberstack");
    await client.query("SELECT pg_reload_conf()");
    return ours;
  } catch (cause) {
    if ((cause as { code?: string }).code === "28P01")
      throw stranger(cluster, "its password", cause);
    throw cause;
  } finally {
    await client.end();
  }
}

function stranger(cluster: Cluster, what: string, cause?: unknown): FiberError {
  return new FiberError(
    "POSTGRES_STRANGER",
    `The PostgreSQL that answers is not the one in ${cluster.data} (it differs in ${what}), or its ` +
      "password was changed. Stop the other server, or choose another port with FIBER_PG_PORT.",
    { cause },
  );
}
