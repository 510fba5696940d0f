import { realpath } from "node:fs/promises";
import { FiberError } from "#contracts";
import { inSession, readLiveTables, schemaFit, takeDataLock } from "#db";
import { takeFileLock } from "../lock/file-lock.js";
import { connectionEnv, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import { runTool } from "../run-tool.js";
import { readManifestIfAny } from "./beside-step.js";
import { refuseWithoutRights } from "./gather-facts.js";
import { onDatabase } from "./restore-context.js";
import { readDumpToEnd, toolsFor } from "./restore-dump.js";
import { alignColumns } from "./restore-report.js";

/** What the runbook's literal command would do. */
export interface InPlacePlan {
  readonly path: string;
  readonly tables: readonly {
    readonly table: string;
    readonly dump: number | null;
    readonly live: number;
    readonly lost: number;
  }[];
  /** Whether rows would be lost, or may be (a dump without manifest). */
  readonly loses: boolean;
  readonly text: string;
}

/** What it did. */
export interface InPlaceResult {
  readonly exitCode: number | null;
  /** Complaints that are seen on healthy databases too. */
  readonly knownErrors: readonly string[];
  readonly otherErrors: readonly string[];
  /** Whether the schema fits afterwards. */
  readonly fit: string;
  readonly text: string;
}

/** What `pg_restore --clean` complains of with partitions even when all is well. */
const KNOWN_ERRORS: readonly RegExp[] = [
  /cannot drop inherited constraint/,
  /constraint ".*" of relation ".*" does not exist/,
  /cannot drop constraint .* because other objects depend on it/,
  /cannot drop table .* because other objects depend on it/,
  /multiple primary keys for table .* are not allowed/,
  /relation ".*" already exists/,
  /"transaction_timeout"/,
];

const WARNING = `Restoring into the living database is the runbook's literal command, never chosen by a plan:
- everything newer than the dump is lost, and readers see half of it while it runs;
- with partitions pg_restore ends with exit code 1 and "cannot drop inherited constraint", even when
  all went well;
- after a newer migration partitions can end up detached, their rows invisible, and inserts fail; the
  API then answers SCHEMA_INCONSISTENT;
- there is no quarantine and no undo.
Without --in-place nothing newer is lost.`;

/** Counts what the runbook's literal command would lose. Changes nothing. */
export async function planInPlace(ports: DataPorts, given: string): Promise<InPlacePlan> {
  await refuseWithoutRights(ports);
  const path = await realpath(given).catch(() => given);
  await readDumpToEnd(ports.admin, path);
  const manifest = await readManifestIfAny(path);
  const live = await onDatabase(ports, ports.database, (session) =>
    inSession(session, () => readLiveTables(session), "BEGIN READ ONLY"),
  );
  const dumped = new Map((manifest?.tables ?? []).map((table) => [table.name, table]));
  const tables = live.map(({ table, rows, days }) => {
    const dump = dumped.get(table);
    const before = new Map((dump?.partitions ?? []).map((day) => [day.name, day.rows]));
    const newer = Object.entries(days).map(([day, now]) =>
      Math.max(0, now - (before.get(day) ?? 0)),
    );
    const lost =
      newer.length > 0
        ? newer.reduce((sum, one) => sum + one, 0)
        : Math.max(0, rows - (dump?.rows ?? 0));
    return { table, dump: dump?.rows ?? null, live: rows, lost };
  });
  const count = (value: number | null) => (value === null ? "-" : value.toLocaleString("en"));
  const rows = tables.map((one) => [
    one.table,
    count(one.dump),
    count(one.live),
    manifest === null ? "unknown" : `at least ${count(one.lost)}`,
  ]);
  return {
    path,
    tables,
    loses: manifest === null || tables.some((one) => one.lost > 0),
    text: [WARNING, "", alignColumns([["table", "dump", "live now", "lost"], ...rows])].join("\n"),
  };
}

/**
 * Runs `pg_restore --clean --if-exists` into the living database, as the runbook says, and looks at
 * the schema afterwards.
 *
 * @throws FiberError RESTORE_FAILED when errors other than the known ones came
 */
export async function restoreInPlace(ports: DataPorts, plan: InPlacePlan): Promise<InPlaceResult> {
  const file = await takeFileLock({ stateDir: ports.stateDir, what: "fiber restore --in-place" });
  try {
    const lock = await takeDataLock(ports.admin, ports.database);
    try {
      return await cleanAndRestore(ports, plan);
    } finally {
      await lock.release();
    }
  } finally {
    await file.release();
  }
}

async function cleanAndRestore(ports: DataPorts, plan: InPlacePlan): Promise<InPlaceResult> {
  const tools = await toolsFor(ports.admin);
  const end = await runTool(
    [tools.path("pg_restore"), "--clean", "--if-exists", `--dbname=${ports.database}`, plan.path],
    { env: connectionEnv(urlOfDatabase(ports.admin, ports.database)), gentle: false },
  );
  const errors = end.stderr.split("\n").filter((line) => /error:/.test(line));
  const isKnown = (line: string) => KNOWN_ERRORS.some((known) => known.test(line));
  const knownErrors = errors.filter(isKnown);
  const otherErrors = errors.filter((line) => !isKnown(line));
  const fit = await onDatabase(ports, ports.database, (session) => schemaFit(session));
  const result = {
    exitCode: end.exitCode,
    knownErrors,
    otherErrors,
    fit: fit.kind,
    text: [
      `pg_restore ended with ${end.exitCode}: ${knownErrors.length} known complaints, ${otherErrors.length} others.`,
      ...otherErrors,
      fit.kind === "fits" ? "The schema fits." : `The schema does not fit: ${fit.message}`,
    ].join("\n"),
  };
  if (otherErrors.length === 0 && fit.kind === "fits") return result;
  throw new FiberError(
    "RESTORE_FAILED",
    `${result.text}\nRestore the same dump beside and swap: fiber restore ${plan.path}`,
  );
}
