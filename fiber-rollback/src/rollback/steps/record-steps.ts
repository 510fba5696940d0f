import { makePrivateFolder } from "../../durable-files.js";
import type { Step, StepDetail } from "../../engine/step.js";
import { planReleasePrune, pruneReleases } from "../../releases/prune-releases.js";
import { readReport } from "../../restore/restore-report.js";
import { reportStep as restoreReportStep } from "../../restore/simple-steps.js";
import { recordBaseline } from "../../verify/record-baseline.js";
import { restoreContext } from "./data-steps.js";
import { withPool } from "./preflight-step.js";
import { makeStep, type StepBase } from "./step-base.js";
import { mark } from "./switch-step.js";
import { isWayBackToBad } from "./verify-step.js";

/**
 * Writes the outcome into the releases' records: the target was verified and is good, with the
 * health it has now; what a rollback left is bad. A restore's report is written here too, and a
 * deploy gives up the built folders that nobody goes back to without building again.
 */
export function recordStep(base: StepBase): Step {
  const { facts, world } = base;
  const { tag } = facts.target;
  return makeStep("record", base, {
    async run() {
      const restored = facts.restore === null ? null : await finishRestore(base);
      await judgeTarget(base);
      const left = await judgeLeft(base);
      const good = await world.store.read(tag);
      const pruned = await pruneOld(base);
      return { tag, status: good?.status ?? null, left, restored, pruned };
    },
  });
}

async function judgeTarget(base: StepBase): Promise<void> {
  const { tag } = base.facts.target;
  const { id } = base.context.plan;
  if (isWayBackToBad(base)) {
    const why = `bad before run ${id}, which failed and came back to it`;
    return await mark(base, tag, { status: "bad", why });
  }
  await mark(base, tag, { status: "good", why: `verified by run ${id}` });
  await keepBaseline(base);
}

/** Never fatal: what the report cannot do is in its detail, and is tried again by who follows the run. */
export function reportStep(base: StepBase): Step {
  const { world, context } = base;
  return makeStep("report", base, {
    async run() {
      try {
        return await world.report(context);
      } catch (err) {
        context.log.error({ err }, "the incident could not be opened or told");
        return { problem: (err as Error).message };
      }
    },
  });
}

async function finishRestore(base: StepBase): Promise<StepDetail> {
  const restore = restoreContext(base);
  const step = restoreReportStep(restore);
  await makePrivateFolder(restore.folder);
  await step.run();
  const report = await readReport(restore);
  const { tables, exported, notCarried, quarantine, keepUntil, outageMs } = report;
  const carried = tables.reduce((sum, table) => sum + table.carried, 0);
  const suspect = tables.reduce((sum, table) => sum + table.suspect, 0);
  return { carried, suspect, exported, notCarried, quarantine, keepUntil, outageMs };
}

async function keepBaseline({ facts, world, context }: StepBase): Promise<void> {
  const { store, env } = world;
  const token = await world.token();
  const apiUrl = env.FIBER_API_URL ?? null;
  // Without our API the database is not ours either: it has no probes to count.
  const baseline = await withPool(apiUrl === null ? null : world.data, (db) =>
    recordBaseline({ token, db, apiUrl, clock: context.clock, signal: context.signal }),
  );
  const record = await store.read(facts.target.tag);
  if (record !== null) await store.write({ ...record, baseline });
}

/** Never fatal: the release is live and good by now. What could not be removed is told. */
async function pruneOld({ facts, world, context }: StepBase): Promise<StepDetail | null> {
  if (context.plan.kind !== "deploy") return null;
  try {
    const plan = planReleasePrune(await world.store.list(), facts.target.tag);
    const pruned = await pruneReleases(plan, world.driver.remove);
    for (const { tag, problem } of pruned.kept) {
      context.log.warn({ tag, problem }, "an old release's folder could not be removed");
    }
    return { ...pruned };
  } catch (err) {
    context.log.error({ err }, "the folders of old releases could not be looked through");
    return { removed: [], kept: [], problem: (err as Error).message };
  }
}

/** What a rollback or a take-back leaves behind is not to be chosen again. */
async function judgeLeft(base: StepBase): Promise<string | null> {
  const { facts, world, context } = base;
  const { plan } = context;
  const failed = facts.failed;
  if (failed !== null) {
    if ((await world.store.read(failed.tag)) === null) return null;
    await mark(base, failed.tag, { status: "bad", why: failed.why });
    return failed.tag;
  }
  const { release } = facts.from;
  if (plan.kind !== "rollback" || release === null || release === facts.target.tag) return null;
  if ((await world.store.read(release)) === null) return null;
  const why = plan.reason === null ? "" : `: ${plan.reason}`;
  await mark(base, release, { status: "bad", why: `left by run ${plan.id}${why}` });
  return release;
}
