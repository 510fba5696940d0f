import { FiberError } from "#contracts";
import {
  abortRestore,
  alignColumns,
  type DataPorts,
  dropExpiredQuarantines,
  dropQuarantine,
  findUnfinished,
  formatPlan,
  formatReport,
  listQuarantines,
  planInPlace,
  prepareRestore,
  type RestoreReport,
  type RestoreRequest,
  restoreInPlace,
  resumeRestore,
  type StepObserver,
  startRestore,
} from "#rollback";
import { confirm } from "../ask.js";
import { openDataPorts } from "../data-ports.js";
import { formatBytes, printResult, tell } from "../terminal.js";

/** Options as commander hands them over. */
interface Options {
  readonly toPoint?: string;
  readonly toTime?: string;
  readonly undo?: string | true;
  readonly resume?: true;
  readonly abort?: true;
  readonly identity?: string;
  readonly leaveSuspect?: true;
  readonly thenUpgrade?: true;
  readonly keepDays: string;
  readonly inPlace?: true;
  readonly allowLoss?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** `fiber restore` */
export async function runRestore(file: string | undefined, options: Options): Promise<void> {
  const { ports, endProgress } = await openDataPorts();
  try {
    if (options.abort === true) return await abort(ports, options);
    if (options.resume === true) {
      return printReport(await resumeRestore(ports, tellSteps(endProgress)), options);
    }
    if (options.inPlace === true) return await inPlace(ports, file, options);
    const plan = await prepareRestore(ports, requestOf(file, options));
    if (options.dryRun === true) {
      return printResult(options.json === true, plan, () => formatPlan(plan));
    }
    tell(formatPlan(plan));
    await confirm(`Restore ${plan.live.name} as planned above?`, options.yes === true);
    printReport(await startRestore(ports, plan, tellSteps(endProgress)), options);
  } finally {
    endProgress();
  }
}

/** `fiber restore quarantine list` */
export async function listQuarantine(options: Pick<Options, "json">): Promise<void> {
  const { ports } = await openDataPorts();
  const found = await listQuarantines(ports);
  printResult(options.json === true, found, () =>
    found.length === 0
      ? "No quarantine is kept."
      : alignColumns([
          ["database", "size", "since", "kept until"],
          ...found.map((one) => [
            one.database,
            formatBytes(one.sizeBytes),
            one.since,
            one.keepUntil,
          ]),
        ]),
  );
}

/** `fiber restore quarantine expire` */
export async function expireQuarantine(options: Pick<Options, "json">): Promise<void> {
  const { ports } = await openDataPorts();
  const dropped = await dropExpiredQuarantines(ports);
  printResult(options.json === true, { dropped }, () =>
    dropped.length === 0 ? "Nothing has expired." : `Dropped ${dropped.join(", ")}.`,
  );
}

/** `fiber restore quarantine drop` */
export async function dropOne(name: string, options: Pick<Options, "json" | "yes">): Promise<void> {
  const { ports } = await openDataPorts();
  await confirm(`Drop ${name} for good? The restore cannot be undone then.`, options.yes === true);
  const dropped = await dropQuarantine(ports, name);
  printResult(options.json === true, dropped, () => `Dropped ${dropped.database}.`);
}

async function abort(ports: DataPorts, options: Options): Promise<void> {
  const plan = await findUnfinished(ports.stateDir);
  if (plan !== null) await confirm(`Take restore ${plan.id} back?`, options.yes === true);
  const aborted = await abortRestore(
    ports,
    tellSteps(() => {}),
  );
  printResult(options.json === true, aborted, () => `Restore ${aborted.id} is taken back.`);
}

async function inPlace(
  ports: DataPorts,
  file: string | undefined,
  options: Options,
): Promise<void> {
  if (file === undefined) throw usage("--in-place needs the dump's file.");
  const plan = await planInPlace(ports, file);
  if (options.dryRun === true) {
    return printResult(options.json === true, plan, () => plan.text);
  }
  tell(plan.text);
  if (plan.loses && options.allowLoss !== true) {
    throw new FiberError(
      "LOSS_REFUSED",
      "Nothing was changed: this would lose the rows listed above. Leave --in-place out to keep " +
        "them, or accept the loss with --allow-loss.",
    );
  }
  await confirm("Restore into the living database?", options.yes === true);
  const done = await restoreInPlace(ports, plan);
  printResult(options.json === true, done, () => done.text);
}

function requestOf(file: string | undefined, options: Options): RestoreRequest {
  const given = [file, options.toPoint, options.toTime, options.undo].filter(
    (o) => o !== undefined,
  );
  if (given.length !== 1) {
    throw usage("Say what to restore: a file, --to-point, --to-time or --undo, one of them.");
  }
  const keepDays = Number(options.keepDays);
  if (!Number.isFinite(keepDays) || keepDays < 0) throw usage("--keep-days must be a number.");
  return {
    keepDays,
    leaveSuspect: options.leaveSuspect === true,
    thenUpgrade: options.thenUpgrade === true,
    from: sourceOf(file, options),
  };
}

function sourceOf(file: string | undefined, options: Options): RestoreRequest["from"] {
  if (file !== undefined) {
    const { identity } = options;
    return { kind: "dump", path: file, ...(identity === undefined ? {} : { identity }) };
  }
  if (options.undo !== undefined) {
    return { kind: "undo", ...(options.undo === true ? {} : { database: options.undo }) };
  }
  if (options.toPoint !== undefined) return { kind: "recovery", point: options.toPoint };
  const time = new Date(options.toTime ?? "");
  if (Number.isNaN(time.getTime()) || !/(Z|[+-]\d\d:?\d\d)$/.test(options.toTime ?? "")) {
    throw usage("--to-time must be a time with its zone, such as 2026-11-22T10:15:00Z.");
  }
  return { kind: "recovery", time: time.toISOString() };
}

function tellSteps(endProgress: () => void): StepObserver {
  return ({ title, event, detail }) => {
    endProgress();
    if (event === "intent") tell(`${title} …`);
    if (event === "found-done") tell(`${title}: done already`);
    if (event === "undone") tell(`Taken back: ${title}`);
    if (event === "done") tell(`${title}: done in ${Number(detail?.durationMs ?? 0)} ms`);
  };
}

function printReport(report: RestoreReport, options: Options): void {
  printResult(options.json === true, report, () => formatReport(report));
}

function usage(message: string): FiberError {
  return new FiberError("USAGE", message);
}
