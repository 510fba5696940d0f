import { availableParallelism } from "node:os";
import { FiberError } from "#contracts";
import { openSession, readServerFacts } from "#db";
import { connectionEnv, findPgTools, type PgTools, urlOfDatabase } from "../pg-tools.js";
import { refuseFailedTool, runTool } from "../run-tool.js";

const MAX_JOBS = 4;

/**
 * For a database that nobody uses yet: no wait for the disk at each commit (its last one does
 * wait), more memory for indexes, no time spent on making their log smaller.
 */
const LOAD_SETTINGS = {
  synchronous_commit: "off",
  maintenance_work_mem: "256MB",
  max_parallel_maintenance_workers: "0",
  wal_compression: "off",
  statement_timeout: "0",
};

/**
 * Restores a dump in custom or directory format into an empty database with `pg_restore -j`, at
 * the first error it stops. Not gentle: somebody waits for it.
 *
 * @param admin connection string on the database `postgres`
 * @throws FiberError RESTORE_FAILED, DISK_FULL, PG_TOOLS_MISSING, PG_TOOLS_TOO_OLD
 */
export async function restoreDump(options: {
  readonly admin: string;
  readonly database: string;
  readonly path: string;
}): Promise<void> {
  const tools = await toolsFor(options.admin);
  // One job loads while another waits for the disk.
  const jobs = Math.min(MAX_JOBS, 2 * availableParallelism());
  const env = connectionEnv(urlOfDatabase(options.admin, options.database));
  const end = await runTool(
    [
      tools.path("pg_restore"),
      ...(tools.setsUnknownTimeout ? [] : ["--exit-on-error"]),
      `--jobs=${jobs}`,
      `--dbname=${options.database}`,
      options.path,
    ],
    {
      env: {
        ...env,
        PGOPTIONS: Object.entries(LOAD_SETTINGS)
          .map(([name, value]) => `-c ${name}=${value}`)
          .join(" "),
      },
      gentle: false,
    },
  );
  if (tools.setsUnknownTimeout && isOnlyUnknownTimeout(end.stderr)) return;
  refuseFailedTool(end, "RESTORE_FAILED", `Restoring ${options.path}`);
}

/** Client programs that fit the server. */
export async function toolsFor(admin: string): Promise<PgTools> {
  const session = await openSession(admin);
  try {
    return await findPgTools((await readServerFacts(session)).major);
  } finally {
    await session.close();
  }
}

/** Whether all that a newer pg_restore complained of is the setting that older servers lack. */
export function isOnlyUnknownTimeout(stderr: string): boolean {
  const errors = stderr.split("\n").filter((line) => /error:/i.test(line));
  const others = errors.filter((line) => !/"transaction_timeout"/.test(line));
  return errors.length > 0 && others.length === 0;
}

/**
 * Reads a dump from its first to its last byte, which `pg_restore -l` does not.
 *
 * @throws FiberError DUMP_UNREADABLE
 */
export async function readDumpToEnd(admin: string, path: string): Promise<void> {
  const tools = await toolsFor(admin);
  const end = await runTool([tools.path("pg_restore"), "--file=/dev/null", path], { env: {} });
  if (end.exitCode === 0) return;
  throw new FiberError(
    "DUMP_UNREADABLE",
    `${path} is no dump that can be restored: ${end.stderr || "pg_restore was killed"}\n` +
      "Choose another backup: fiber backup list",
  );
}
