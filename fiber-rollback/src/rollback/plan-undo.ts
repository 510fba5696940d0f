import type { RunPlan } from "../engine/run-plan.js";
import type { StepId } from "../engine/step-catalogue.js";
import { assemblePlan } from "./assemble-plan.js";
import type { Level } from "./choose-level.js";
import {
  headOfApplied,
  type PlanHead,
  type Planned,
  type ReleaseView,
  type RunningView,
} from "./plan-facts.js";
import { lossOf, NO_LOSS } from "./plan-loss.js";
import type { RollbackFacts } from "./plan-rollback.js";
import { rollbackStepIds } from "./plan-steps.js";
import type { RunFacts } from "./run-facts.js";

/** Everything that taking a rollback back is planned from; gathered read-only. */
export interface UndoFacts {
  readonly head: PlanHead;
  /** The rollback that is taken back. */
  readonly undoes: RunPlan;
  /** Why that rollback was not verified; null when it was. */
  readonly unverified: string | null;
  /** The release that it left. */
  readonly back: ReleaseView;
  readonly running: RunningView;
  /** With the quarantine as source where the rollback reached the data. */
  readonly data: RollbackFacts["data"];
  /** Whether a point of the WAL archive could be reached from a base backup; else a dump is taken. */
  readonly canRecover: boolean;
  readonly build: readonly string[];
  readonly migrations: string | null;
}

/** Plans the same rollback in reverse: the release that was left, with its schema and its data. Pure. */
export function planUndo(facts: UndoFacts): Planned<RunPlan> {
  const { back, undoes, running, data } = facts;
  const { tag, migrations } = back.record;
  if (running.release !== undoes.to) {
    return refused(
      "UNDO_OVERTAKEN",
      `Run ${undoes.id} went to ${undoes.to}, and ${running.release ?? "nothing"} runs now: something ` +
        `came after it. Deploy instead: fiber deploy ${tag}`,
    );
  }
  if (back.artefact !== "there" && !back.canBuild) {
    return refused("ARTEFACT_GONE", `What ${tag} was built into is gone, and so is its tag.`);
  }
  if (undoes.level === "data" && (data?.restore ?? null) === null) {
    return refused(
      "QUARANTINE_NOT_FOUND",
      `The database that run ${undoes.id} replaced is not kept any more, so its data cannot come back. ` +
        `Deploy ${tag} instead: fiber deploy ${tag}`,
    );
  }
  const head = data === null ? null : headOfApplied(data.applied);
  if (undoes.level !== "data" && head !== null && head > (migrations.head ?? "")) {
    return refused(
      "SCHEMA_AHEAD",
      `The database is at ${head}, which ${tag} does not know. See: fiber rollback --to ${tag}`,
    );
  }
  return { kind: "planned", plan: makePlan(facts, levelOf(facts, head)) };
}

function levelOf({ undoes, back, data }: UndoFacts, head: string | null): Level {
  if (undoes.level === "data") return "data";
  return data !== null && head !== back.record.migrations.head ? "schema" : "code";
}

/** The way up again: what a deploy does to the schema, ended as a rollback ends. */
const UP_AGAIN: readonly StepId[] = [
  ...["preflight", "artefact", "maintenance", "fence", "restore-point", "stop-writer"],
  ...["migrate", "switch", "lift", "verify", "record", "end-maintenance", "report"],
] as readonly StepId[];

function makePlan(facts: UndoFacts, level: Level): RunPlan {
  const { head, undoes, back, running, data } = facts;
  const { record } = back;
  const source = level === "data" ? (data?.source ?? null) : null;
  const restore = level === "data" ? (data?.restore ?? null) : null;
  return assemblePlan({
    ...{ kind: "undo", head, target: back, running, data, level },
    why: `run ${undoes.id} is taken back: it rolled the ${undoes.level} back from ${record.tag} to ${undoes.to}`,
    ids: level === "schema" ? UP_AGAIN : rollbackStepIds(level, source),
    shown: { build: facts.build, source, restore, dropped: null },
    loss: level === "schema" ? lossUpAgain(undoes) : lossOf(level, data),
    warnings: [
      ...(record.status === "bad" ? [`${record.tag} was found bad: ${record.why ?? ""}`] : []),
      ...(restore?.warnings ?? []),
    ],
    facts: {
      migrations: facts.migrations,
      overlap: level === "code",
      down: null,
      up: level === "schema" ? upFacts(facts) : null,
      gates: null,
      backup: false,
      takesBack: undoes.id,
      before: null,
      failed: failedOf(facts),
    },
  });
}

/** What the rollback went to is bad too when it was not verified. */
function failedOf({ undoes, unverified }: UndoFacts): RunFacts["failed"] {
  if (unverified === null || undoes.to === null) return null;
  return { tag: undoes.to, why: `run ${undoes.id} failed at verify: ${unverified}` };
}

function upFacts({ back, canRecover }: UndoFacts): RunFacts["up"] {
  const restorePoint = canRecover ? "point" : "dump";
  return { to: back.record.migrations.head, allowLoss: false, restorePoint };
}

/** Rows that a lossy way down dropped do not come back by going up again. */
function lossUpAgain({ id, loss }: RunPlan): RunPlan["loss"] {
  const gone = loss.tables.filter((table) => table.fate === "lost" && table.rows > 0);
  if (gone.length === 0) return NO_LOSS;
  const named = gone
    .map(({ rows, table }) => `${rows.toLocaleString("en")} of ${table}`)
    .join(", ");
  return {
    ...NO_LOSS,
    statement:
      `Nothing more is lost. The rows that run ${id} dropped (${named}) do not come back by this: they ` +
      "are in the backups taken before it (fiber backup list).",
  };
}

const refused = (code: string, why: string) => ({ kind: "refused", code, why }) as const;
