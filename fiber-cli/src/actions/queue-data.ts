import { FiberError } from "#contracts";
import {
  type DeadEntry,
  dropDead,
  etlConfigSchema,
  listDead,
  planReplay,
  type ReplayPlan,
  replayDead,
  replayStream,
} from "#etl";
import { parseDuration } from "#rollback";
import { createLogger, loadConfig, systemClock } from "#runtime";
import { confirm } from "../ask.js";
import { loadQueueConfig } from "../queue-config.js";
import { databaseUrl } from "../stack-access.js";
import { formatTable, printResult, tell } from "../terminal.js";

const log = () => createLogger({ role: "fiber", level: "warn" });

/** `fiber etl replay` */
export async function runReplay(options: {
  since: string;
  dryRun?: boolean;
  json?: boolean;
}): Promise<void> {
  const { dryRun = false, json = false } = options;
  const sinceMs = parseSince(options.since, Date.now());
  const queue = await loadQueueConfig();
  const env = { ...process.env, FIBER_DATABASE_URL: await databaseUrl() };
  const config = { ...loadConfig(etlConfigSchema, env), ...queue };
  const replay = { config, log: log(), clock: systemClock, sinceMs };
  const view = (plan: ReplayPlan) => ({
    since: new Date(sinceMs).toISOString(),
    held_from: plan.heldFromMs === null ? null : new Date(plan.heldFromMs).toISOString(),
    messages: plan.messages,
  });
  if (dryRun) {
    const plan = await planReplay(replay);
    return printResult(json, view(plan), () =>
      [...bounds(plan, sinceMs), `Would replay ${plan.messages} messages.`].join("\n"),
    );
  }
  let told = 0;
  const result = await replayStream(replay, (done, plan) => {
    const percent = Math.floor((100 * done) / plan.messages);
    if (percent < told + 5 && done < plan.messages) return;
    told = percent;
    tell(`${done} of ${plan.messages} messages (${percent} %)`);
  });
  const { stored, inserted } = result;
  printResult(json, { ...view(result), samples: stored, inserted }, () =>
    [
      ...bounds(result, sinceMs),
      `Replayed ${result.messages} messages: ${stored} samples, of which ${inserted} were missing.`,
    ].join("\n"),
  );
}

/** What the stream cannot give back, in words. */
function bounds({ heldFromMs, messages }: ReplayPlan, sinceMs: number): readonly string[] {
  if (heldFromMs === null) return ["The ingest log holds no messages."];
  if (messages > 0 && heldFromMs <= sinceMs) return [];
  return heldFromMs > sinceMs
    ? [`The ingest log holds nothing from before ${new Date(heldFromMs).toISOString()}.`]
    : [];
}

/** `fiber etl dead list` */
export async function runDeadList(options: { limit: string; json?: boolean }): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new FiberError("USAGE", `--limit takes a whole number from 1, not "${options.limit}".`);
  }
  const { total, entries } = await listDead({ config: await loadQueueConfig(), log: log() }, limit);
  printResult(options.json === true, { total, entries }, () =>
    total === 0
      ? "No dead letters."
      : [
          formatTable([
            ["ID", "ACCEPTED", "SAMPLES", "NODES", "REASON", "ERROR"],
            ...entries.map(row),
          ]),
          ...(total > entries.length ? [`${total - entries.length} more`] : []),
        ].join("\n"),
  );
}

/** `fiber etl dead replay` and `fiber etl dead drop` */
export async function runDeadChange(
  verb: "replay" | "drop",
  given: readonly string[],
  options: { all?: boolean; dryRun?: boolean; yes?: boolean; json?: boolean },
): Promise<void> {
  const { all = false, dryRun = false, yes = false, json = false } = options;
  if (all === given.length > 0) {
    throw new FiberError("USAGE", `Name dead letters by their ids, or say --all.`);
  }
  const ids = all ? null : given.map(parseId);
  const target = { config: await loadQueueConfig(), log: log() };
  const { entries } = await listDead(target, Number.MAX_SAFE_INTEGER);
  const chosen = ids === null ? entries : entries.filter((entry) => ids.includes(entry.id));
  const unknown = ids?.find((id) => !chosen.some((entry) => entry.id === id));
  if (unknown !== undefined) {
    throw new FiberError("DEAD_NOT_FOUND", `No dead letter ${unknown}. See: fiber etl dead list`);
  }
  const samples = chosen.reduce((sum, entry) => sum + (entry.samples ?? 0), 0);
  const what = `${chosen.length} dead letters with ${samples} samples`;
  if (dryRun) {
    return printResult(
      json,
      { would: verb, ids: chosen.map((entry) => entry.id), samples },
      () => `Would ${verb === "replay" ? "put back" : "drop"} ${what}. Nothing was changed.`,
    );
  }
  if (verb === "replay") {
    const done = await replayDead(target, ids);
    const left =
      done.skipped.length === 0 ? "" : `; ${done.skipped.length} cannot be read and stay`;
    return printResult(json, done, () => `Put back ${done.replayed.length} dead letters${left}.`);
  }
  if (chosen.length > 0) await confirm(`Drop ${what} for good?`, yes);
  const dropped = await dropDead(target, ids);
  printResult(json, { dropped }, () => `Dropped ${dropped.length} dead letters.`);
}

function row(entry: DeadEntry): readonly string[] {
  return [
    String(entry.id),
    entry.at,
    entry.samples === null ? "?" : String(entry.samples),
    entry.nodes.join(",") || "-",
    entry.reason,
    entry.error,
  ];
}

function parseId(text: string): number {
  const id = Number(text);
  if (Number.isInteger(id) && id > 0) return id;
  throw new FiberError("USAGE", `"${text}" is no id of a dead letter: a whole number from 1.`);
}

/** A moment, or how long ago; epoch ms. */
export function parseSince(text: string, nowMs: number): number {
  if (/^(\d+[smhd])+$/.test(text)) return nowMs - parseDuration(text);
  const timeMs = /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) {
    throw new FiberError(
      "USAGE",
      `"${text}" is neither a moment (2026-11-22T09:00:00Z) nor a length of time (90m, 2h).`,
    );
  }
  if (timeMs > nowMs) throw new FiberError("USAGE", `${text} is in the future.`);
  return timeMs;
}
