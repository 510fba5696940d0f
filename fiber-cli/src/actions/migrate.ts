import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import {
  checkMigrations,
  currentRevision,
  downgrade,
  embeddedDatabaseUrl,
  type HistoryEntry,
  history,
  type MigrateOptions,
  type MigrateResult,
  type MigrationStep,
  migrationRecordFile,
  type SchemaFit,
  unrecordedDowns,
  upgrade,
} from "#db";
import { loadConfig, makeStateFolder, portVariable, stateFolder } from "#runtime";
import { confirm } from "../ask.js";
import { paint, printResult, tell } from "../terminal.js";
import { downgradeLoss, statedLoss } from "./downgrade-loss.js";

/** Options as commander hands them over. */
interface Options {
  readonly json?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly allowLoss?: true;
  readonly verbose?: true;
}

/** Which database a command works on. */
interface Target extends MigrateOptions {
  /** True for the PostgreSQL that `fiber up` runs itself from a working tree. */
  readonly development: boolean;
  readonly release: string;
  readonly recordFile: string;
}

/** `fiber migrate current` */
export async function printCurrent(options: Options): Promise<void> {
  const found = await currentRevision(await target());
  const { revision, isHead, unfinished } = found;
  if (revision === null) tell("No migration is applied.");
  if (unfinished !== null) {
    tell(`Migration ${unfinished.revision} is ${unfinished.status}, or was interrupted at it.`);
  }
  const text = () => (revision === null ? "" : `${revision}${isHead ? " (head)" : ""}`);
  printResult(options.json === true, { revision, is_head: isHead, unfinished }, text);
}

/** `fiber migrate history` */
export async function printHistory(options: Options): Promise<void> {
  const entries = await history(await target());
  printResult(options.json === true, entries.map(historyJson), () =>
    entries.map((entry) => historyText(entry, options.verbose === true)).join("\n"),
  );
}

/** `fiber migrate upgrade` */
export async function runUpgrade(to: string, options: Options): Promise<void> {
  const dryRun = options.dryRun === true;
  const result = await upgrade({
    ...(await target()),
    target: to,
    dryRun,
    ...(dryRun ? {} : { onStep: tellStep }),
  });
  finish(result, options);
}

/** `fiber migrate downgrade`; states the loss first and stops where it is not allowed. */
export async function runDowngrade(to: string, options: Options): Promise<void> {
  const dryRun = options.dryRun === true;
  const database = await target();
  const unknown = await unrecordedDowns({ ...database, target: to });
  if (unknown.length > 0 && !dryRun) {
    tell(`Nothing outside the database vouches for the stored way back of ${unknown.join(", ")}.`);
    await confirm("Run what the database holds?", options.yes === true);
  }
  const loss = await statedLoss(database.connectionString, to);
  if (!dryRun) {
    const { development } = database;
    await downgradeLoss(loss, { ...options, target: to, development, backUp });
  }
  const result = await downgrade({
    ...database,
    target: to,
    dryRun,
    ...(dryRun ? {} : { onStep: tellStep }),
  });
  finish(result, options, { loss: loss.items });
}

async function backUp(): Promise<string> {
  const [{ createBackup }, { openDataPorts }] = await Promise.all([
    import("#rollback"),
    import("../data-ports.js"),
  ]);
  const { ports, endProgress } = await openDataPorts();
  try {
    return (await createBackup(ports, { tag: "before-downgrade" })).path;
  } finally {
    endProgress();
  }
}

/** `fiber migrate check`; anything but a schema that fits is an error. */
export async function check(options: Options): Promise<void> {
  const fit = await checkMigrations(await target());
  if (fit.kind !== "fits") throw misfit(fit);
  printResult(options.json === true, fit, () => `The schema fits: ${fit.head} (head).`);
}

async function target(): Promise<Target> {
  const config = loadConfig(
    z.object({
      FIBER_DATABASE_URL: z
        .url({ protocol: /^postgres(ql)?$/, error: "must be like postgres://user@host/database" })
        .optional(),
      FIBER_PG_PORT: portVariable.optional(),
      FIBER_RELEASE: z.string().default("dev"),
    }),
    process.env,
  );
  const release = config.FIBER_RELEASE;
  const stateDir = await stateFolder();
  makeStateFolder(stateDir);
  const recordFile = migrationRecordFile(stateDir);
  if (config.FIBER_DATABASE_URL !== undefined) {
    return { connectionString: config.FIBER_DATABASE_URL, development: false, release, recordFile };
  }
  const port = config.FIBER_PG_PORT;
  const connectionString = await embeddedDatabaseUrl({
    stateDir,
    database: "fiberstack",
    ...(port === undefined || port === 0 ? {} : { port }),
  });
  // The first deploy makes this link; from then on people rely on what the database holds.
  const deployed = await lstat(join(stateDir, "current")).catch(() => null);
  const development = release === "dev" && deployed === null;
  return { connectionString, development, release, recordFile };
}

function finish(result: MigrateResult, options: Options, more: object = {}): void {
  const { from, to, steps } = result;
  if (steps.length === 0) tell(`Nothing to do: the database is at ${to ?? "base"}.`);
  if (options.json === true) {
    printResult(true, { from, to, dry_run: options.dryRun === true, steps, ...more }, () => "");
  } else if (options.dryRun === true) {
    for (const step of steps) process.stdout.write(`-- ${stepText(step)}\n${step.sql}\n\n`);
  }
}

function misfit(fit: SchemaFit): FiberError {
  return new FiberError(
    `SCHEMA_${fit.kind.toUpperCase()}`,
    fit.message ?? `The schema at ${fit.current ?? "base"} is ${fit.kind}.`,
  );
}

function tellStep(step: MigrationStep): void {
  tell(stepText(step));
}

function stepText({ direction, from, to, title }: MigrationStep): string {
  return `Running ${direction} ${from ?? ""} -> ${to ?? ""}, ${title}`;
}

function historyJson({ isHead, applied, ...entry }: HistoryEntry): object {
  return {
    ...entry,
    is_head: isHead,
    applied_at: applied?.at.toISOString() ?? null,
    release: applied?.release ?? null,
  };
}

function historyText(entry: HistoryEntry, verbose: boolean): string {
  const head = entry.isHead ? " (head)" : "";
  const line = `${entry.below ?? "<base>"} -> ${entry.revision}${head}, ${entry.title}`;
  const unknown = entry.known ? "" : " (unknown to this release)";
  if (!verbose) return `${line}${unknown}`;
  const applied = entry.applied
    ? `applied ${entry.applied.at.toISOString()} by release ${entry.applied.release}`
    : "not applied";
  return `${line}${unknown}\n    ${entry.kind}: ${entry.why}\n    ${paint("dim", applied)}`;
}
