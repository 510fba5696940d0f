import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { writeDurably } from "../durable-files.js";
import { withReserve } from "./disk-reserve.js";
import { type JournalLine, parseJournal, wholeLines } from "./journal.js";
import { RUN_FORMAT, type RunKind, type RunPlan, runPlanSchema } from "./run-plan.js";

/** `<state>/runs`: one folder a run. */
export function runsFolder(stateDir: string): string {
  return join(stateDir, "runs");
}

/** `<state>/runs/<id>`. */
export function runFolder(stateDir: string, id: string): string {
  return join(runsFolder(stateDir), id);
}

/** `<state>/runs/<id>/journal.jsonl`. */
export function journalPath(stateDir: string, id: string): string {
  return join(runFolder(stateDir, id), "journal.jsonl");
}

/**
 * An id for a new run: UTC time and kind, such as 20261122T101500Z-deploy. It sorts behind every
 * earlier run's even when the clock has jumped back since.
 */
export async function newRunId(
  stateDir: string,
  kind: RunKind,
  now: () => number = Date.now,
): Promise<string> {
  const newest = (await listRunIds(stateDir)).map(timeOf).filter(Number.isFinite).at(-1);
  const second = Math.floor(now() / 1_000);
  const next = newest === undefined ? second : Math.max(second, newest / 1_000 + 1);
  const time = new Date(next * 1_000).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `${time}-${kind}`;
}

/** The ids of all runs, oldest first. */
export async function listRunIds(stateDir: string): Promise<readonly string[]> {
  const entries = await readdir(runsFolder(stateDir)).catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return [];
    throw err;
  });
  return entries.sort();
}

/** Stores a plan in its run's folder; returns its SHA-256, which the journal keeps. */
export async function storePlan(
  stateDir: string,
  { id, plan, file }: { readonly id: string; readonly plan: RunPlan; readonly file: PlanFile },
): Promise<string> {
  const folder = runFolder(stateDir, id);
  const text = `${JSON.stringify(plan, null, 2)}\n`;
  await withReserve(stateDir, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDurably(join(folder, file), text);
  });
  return sha256(text);
}

/** `plan-back.json` is the plan that takes a failed deploy back. */
export type PlanFile = "plan.json" | "plan-back.json";

/**
 * Reads a stored plan.
 *
 * @param sha256Wanted what the journal says of it; null to take the file at its word
 * @throws FiberError RUN_TOO_NEW, PLAN_CHANGED, RUN_NOT_FOUND
 */
export async function readPlan(
  stateDir: string,
  {
    id,
    file,
    sha256Wanted,
  }: { readonly id: string; readonly file: PlanFile; readonly sha256Wanted: string | null },
): Promise<RunPlan> {
  const path = join(runFolder(stateDir, id), file);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    throw new FiberError("RUN_NOT_FOUND", `No run ${id}: see fiber runs list.`, { cause });
  });
  const json = parseJson(text);
  refuseNewer(json, path);
  const parsed = runPlanSchema.safeParse(json);
  if (!parsed.success || (sha256Wanted !== null && sha256(text) !== sha256Wanted)) {
    throw new FiberError(
      "PLAN_CHANGED",
      `${path} is not the plan that was stored when the run began. Nothing is done on its word: ` +
        "put the file back, or move the run's folder away and plan anew.",
    );
  }
  return parsed.data;
}

/** Reads and checks a run's journal without touching it; no lines when the run never began. */
export async function readJournalLines(stateDir: string, id: string): Promise<JournalLine[]> {
  const path = journalPath(stateDir, id);
  return parseJournal(wholeLines(await readText(path)), path);
}

/**
 * The newest run that was begun and not ended; null for none. Whether a run of a newer format has
 * ended is told by its journal's last event alone, which every format keeps.
 *
 * @throws FiberError RUN_TOO_NEW when it was begun by a newer fiber, JOURNAL_BROKEN, PLAN_CHANGED
 */
export async function findUnfinishedRun(stateDir: string): Promise<RunPlan | null> {
  for (const id of [...(await listRunIds(stateDir))].reverse()) {
    const text = wholeLines(await readText(journalPath(stateDir, id)));
    if (text === "" || /"event":"end"[^\n]*\n$/.test(text)) continue;
    // The plan first: a newer format is told by name before its journal is judged.
    const plan = await readPlan(stateDir, { id, file: "plan.json", sha256Wanted: null });
    const begin = parseJournal(text, journalPath(stateDir, id))[0];
    const sha256Wanted = begin?.event === "begin" ? begin.detail.planSha256 : null;
    if (typeof sha256Wanted !== "string") return plan;
    return await readPlan(stateDir, { id, file: "plan.json", sha256Wanted });
  }
  return null;
}

function refuseNewer(json: unknown, path: string): void {
  const { format, engine } = (json ?? {}) as { format?: unknown; engine?: unknown };
  if (typeof format !== "number" || format <= RUN_FORMAT) return;
  throw new FiberError(
    "RUN_TOO_NEW",
    `${path} was written by a newer fiber (engine ${String(engine)}, format ${format}; this one ` +
      `reads up to ${RUN_FORMAT}). Go on with that one: fiber finds it in the state folder's engine/.`,
  );
}

async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT" || err.code === "ENOTDIR") return "";
    throw err;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Epoch milliseconds of a run's id; NaN for a folder that is no run's. */
function timeOf(id: string): number {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(id) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
