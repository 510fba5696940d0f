import { access, constants, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { FiberError } from "#contracts";
import { runCommand } from "#runtime";

/** Programs of PostgreSQL's client package that backups and restores use. */
export type PgProgram = "pg_dump" | "pg_restore" | "pg_dumpall" | "pg_basebackup";

/** One installed set of PostgreSQL's client programs. */
export interface PgTools {
  /** Folder with the programs. */
  readonly folder: string;
  /** Version of pg_dump, such as "15.18". */
  readonly version: string;
  readonly major: number;
  /**
   * True for clients from 17 on against an older server: their scripts set transaction_timeout,
   * which that server does not know, so a restore runs without `-e` and accepts exactly that error.
   */
  readonly setsUnknownTimeout: boolean;
  /** Absolute path of one program. */
  path(program: PgProgram): string;
}

/** One candidate folder with the version of its pg_dump. */
export interface PgToolsFound {
  readonly folder: string;
  readonly version: string;
}

/** The newest client whose scripts a 15 server takes whole (transaction_timeout came with 17). */
const NEWEST_PLAIN_MAJOR = 16;
const DEBIAN_FOLDER = "/usr/lib/postgresql";

/**
 * Finds client programs that fit a server: `FIBER_PG_BIN` when set, else the best of Debian's
 * versioned folders and the PATH. The server's own major version is preferred, then newer ones up
 * to 16, then 17 and later.
 *
 * @throws FiberError PG_TOOLS_MISSING, PG_TOOLS_TOO_OLD
 */
export async function findPgTools(
  serverMajor: number,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<PgTools> {
  const folders = env.FIBER_PG_BIN ? [env.FIBER_PG_BIN] : await candidateFolders(env.PATH ?? "");
  const found = (await Promise.all(folders.map(inspect))).flatMap((one) => one ?? []);
  const best = choosePgTools(found, serverMajor);
  if (best !== null) return toPgTools(best, serverMajor);
  if (found.length === 0) throw missing(env.FIBER_PG_BIN, serverMajor);
  const seen = found.map((one) => `${one.version} in ${one.folder}`).join(", ");
  throw new FiberError(
    "PG_TOOLS_TOO_OLD",
    `The server is PostgreSQL ${serverMajor}, and the client programs found are older (${seen}); ` +
      `an older pg_dump refuses a newer server. Install postgresql-client-${serverMajor}, or point ` +
      "FIBER_PG_BIN at the folder of fitting programs.",
  );
}

/** The best of several client installations for a server; null when none is new enough. */
export function choosePgTools(
  found: readonly PgToolsFound[],
  serverMajor: number,
): PgToolsFound | null {
  const rank = (one: PgToolsFound) => {
    const major = majorOf(one.version);
    if (major === serverMajor) return 0;
    return major <= NEWEST_PLAIN_MAJOR ? major : 1000 + major;
  };
  const usable = found.filter((one) => majorOf(one.version) >= serverMajor);
  return [...usable].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

/** The major number of a version such as "15.18", "16beta1" or "15.18 (Debian 15.18-0+deb12u1)". */
export function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/**
 * The libpq variables that reach a database, so that no password shows in the process list.
 *
 * @param url connection string; sockets as `postgresql:///name?host=/folder`
 */
export function connectionEnv(url: string): Readonly<Record<string, string>> {
  const parsed = new URL(url);
  const option = (name: string) => parsed.searchParams.get(name) ?? "";
  const fields = {
    PGHOST: option("host") || decodeURIComponent(parsed.hostname),
    PGPORT: option("port") || parsed.port,
    PGUSER: option("user") || decodeURIComponent(parsed.username),
    PGPASSWORD: option("password") || decodeURIComponent(parsed.password),
    PGDATABASE: decodeURIComponent(parsed.pathname.slice(1)),
    PGSSLMODE: option("sslmode"),
    PGSSLROOTCERT: option("sslrootcert"),
  };
  const set = Object.entries(fields).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(set), PGAPPNAME: "fiber backup", PGTZ: "UTC" };
}

/** The connection string of another database on the same server with the same user. */
export function urlOfDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${encodeURIComponent(database)}`;
  return parsed.toString();
}

async function candidateFolders(path: string): Promise<readonly string[]> {
  const versions = await readdir(DEBIAN_FOLDER).catch(() => []);
  const debian = versions.map((version) => join(DEBIAN_FOLDER, version, "bin"));
  return [...debian, ...path.split(delimiter).filter((folder) => folder !== "")];
}

async function inspect(folder: string): Promise<PgToolsFound | null> {
  try {
    // Folders with pg_dump alone exist (application bundles); they do not serve.
    for (const program of ["pg_dump", "pg_restore", "pg_dumpall"]) {
      await access(join(folder, program), constants.X_OK);
    }
  } catch {
    return null;
  }
  const asked = await runCommand([join(folder, "pg_dump"), "--version"], { timeoutMs: 10_000 });
  const version = /\(PostgreSQL\) (\S+)/.exec(asked.stdout)?.[1];
  return asked.exitCode === 0 && version !== undefined ? { folder, version } : null;
}

function toPgTools(found: PgToolsFound, serverMajor: number): PgTools {
  const major = majorOf(found.version);
  return {
    ...found,
    major,
    setsUnknownTimeout: major > NEWEST_PLAIN_MAJOR && serverMajor <= NEWEST_PLAIN_MAJOR,
    path: (program) => join(found.folder, program),
  };
}

function missing(fixed: string | undefined, serverMajor: number): FiberError {
  const where = fixed
    ? `FIBER_PG_BIN (${fixed}) does not hold pg_dump, pg_restore and pg_dumpall.`
    : "pg_dump, pg_restore and pg_dumpall were not found.";
  return new FiberError(
    "PG_TOOLS_MISSING",
    `${where} Install PostgreSQL's client programs (Debian: apt-get install ` +
      `postgresql-client-${serverMajor}), or point FIBER_PG_BIN at their folder.`,
  );
}
