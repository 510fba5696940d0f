import type { RunPlan } from "../engine/run-plan.js";
import type { BeforeRun } from "../verify/verify-context.js";
import { assemblePlan } from "./assemble-plan.js";
import { chooseLevel, describeLoss, type Level } from "./choose-level.js";
import type { DatabaseView, PlanHead, Planned, ReleaseView, RunningView } from "./plan-facts.js";
import { lossOf } from "./plan-loss.js";
import { rollbackStepIds } from "./plan-steps.js";

/** Everything that a rollback is planned from; gathered read-only. */
export interface RollbackFacts {
  readonly head: PlanHead;
  readonly target: ReleaseView;
  readonly running: RunningView;
  /** Null for a project without a database. */
  readonly data: DatabaseView | null;
  readonly restoreData: boolean;
  readonly allowLoss: boolean;
  /** The run whose failure this takes back, without anybody to ask; null for a person's rollback. */
  readonly takesBack: string | null;
  /** The failed run's fence may still stand: it is lifted once the target runs. */
  readonly liftsFence?: boolean;
  /** The release that failed, and why. */
  readonly failed?: { readonly tag: string; readonly why: string } | null;
  /** What was known of probes before the failed run. */
  readonly before?: BeforeRun | null;
  /** The target's build commands, and its folder of migrations. */
  readonly build: readonly string[];
  readonly migrations: string | null;
}

/** Plans a rollback: the least destructive level that brings the target back. Pure. */
export function planRollback(facts: RollbackFacts): Planned<RunPlan> {
  const { target, data, running } = facts;
  const { tag } = target.record;
  if (target.artefact !== "there" && !target.canBuild) {
    return refused(
      "ARTEFACT_GONE",
      `What ${tag} was built into is gone, and its tag does not lead to commit ` +
        `${target.record.commit.slice(0, 10)} any more, so it cannot be built again. Bring the tag ` +
        "back (git fetch --tags), or choose another release: fiber release list.",
    );
  }
  const choice = chooseLevel({
    target: target.record,
    data,
    restoreData: facts.restoreData,
    allowLoss: facts.allowLoss,
    unattended: facts.takesBack !== null,
  });
  if (choice.kind === "refused") return choice;
  const { level, why } = choice;
  if (level === "code" && running.release === tag && facts.takesBack === null) {
    return refused(
      "NOTHING_TO_ROLL_BACK",
      `${tag} runs already and its schema fits. Name another release with --to (fiber release ` +
        "list), or bring its data back with --restore-data.",
    );
  }
  if (level === "data" && (data?.restore ?? null) === null) {
    return refused("NO_RESTORE_SOURCE", "There is no data to bring back. See: fiber backup list");
  }
  return { kind: "planned", plan: makePlan(facts, level, why) };
}

function makePlan(facts: RollbackFacts, level: Level, why: string): RunPlan {
  const { head, target, running, data, allowLoss } = facts;
  const restores = level === "data";
  const drops = level === "schema" && data?.loss?.nothing === false;
  const source = restores ? (data?.source ?? null) : null;
  return assemblePlan({
    ...{ kind: "rollback", head, target, running, data, level, why },
    ids: rollbackStepIds(level, source, facts.liftsFence),
    shown: {
      build: facts.build,
      source,
      restore: restores ? (data?.restore ?? null) : null,
      dropped: drops && data !== null ? describeLoss(data) : null,
    },
    loss: lossOf(level, data),
    warnings: warningsOf(facts, level),
    facts: {
      migrations: facts.migrations,
      overlap: level === "code",
      down: level === "schema" ? { to: target.record.migrations.head, allowLoss } : null,
      up: null,
      gates: null,
      backup: false,
      takesBack: facts.takesBack,
      before: facts.before ?? null,
      failed: facts.failed ?? null,
    },
  });
}

function warningsOf({ target, data }: RollbackFacts, level: Level): string[] {
  const { record, artefact } = target;
  return [
    ...(artefact === "there"
      ? []
      : [`What ${record.tag} was built into is gone: it is built again from its tag first.`]),
    ...(record.status === "bad"
      ? [`${record.tag} was found bad: ${record.why ?? "no reason kept"}`]
      : []),
    ...(record.status === "candidate" ? [`${record.tag} has never run here.`] : []),
    ...(level === "schema" && data?.wayDown.kind === "unrecorded"
      ? [
          `Nothing outside the database vouches for the way down of ${data.wayDown.revisions.join(", ")}: ` +
            "look at it with fiber migrate downgrade --dry-run before you agree.",
        ]
      : []),
    ...(level === "data" ? (data?.restore?.warnings ?? []) : []),
  ];
}

const refused = (code: string, why: string) => ({ kind: "refused", code, why }) as const;
