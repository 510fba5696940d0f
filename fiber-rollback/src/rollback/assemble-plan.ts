import { RUN_FORMAT, type RunKind, type RunPlan } from "../engine/run-plan.js";
import type { StepId } from "../engine/step-catalogue.js";
import {
  type AppliedView,
  headOfApplied,
  type PlanHead,
  type ReleaseView,
  type RunningView,
} from "./plan-facts.js";
import { pointOfNoReturn, type StepFacts, showSteps } from "./plan-steps.js";
import { planTimes } from "./plan-times.js";
import type { RunFacts } from "./run-facts.js";

/** What the plans of deploys, rollbacks and undos have in common, and what each adds. */
interface PlanParts {
  readonly kind: RunKind;
  readonly head: PlanHead;
  readonly target: ReleaseView;
  readonly running: RunningView;
  readonly data: {
    readonly database: string;
    readonly oid: number;
    readonly sizeBytes: number;
    readonly applied: readonly AppliedView[];
  } | null;
  readonly level: RunPlan["level"];
  readonly why: string;
  readonly ids: readonly StepId[];
  readonly shown: Pick<StepFacts, "build" | "source" | "restore" | "dropped">;
  readonly loss: RunPlan["loss"];
  readonly warnings: readonly string[];
  readonly facts: Pick<
    RunFacts,
    | "migrations"
    | "overlap"
    | "down"
    | "up"
    | "gates"
    | "backup"
    | "takesBack"
    | "before"
    | "failed"
  >;
}

/** Puts a plan together. Pure. */
export function assemblePlan(parts: PlanParts): RunPlan {
  const { kind, head, target, running, data, level, why, ids, shown, loss, warnings } = parts;
  const { record } = target;
  const builds = target.artefact !== "there";
  const steps = showSteps(ids, {
    ...shown,
    stateDir: head.stateDir,
    repository: head.repository,
    containers: head.containers ?? null,
    target: record.tag,
    builds,
    from: running.release ?? record.tag,
    schemaHead: record.migrations.head,
  });
  const { id, engine, createdAt, operator, host, reason, project, repository } = head;
  return {
    ...{ format: RUN_FORMAT, id, kind, engine, createdAt, operator, host, reason },
    ...{ project, repository, from: running.release, to: record.tag, level, why, steps, loss },
    ...planTimes(ids, head.timings, {
      overlap: parts.facts.overlap,
      builds,
      sizeBytes: data?.sizeBytes ?? 0,
    }),
    pointOfNoReturn: pointOfNoReturn(steps),
    warnings: [
      ...warnings,
      ...(running.isUp ? [] : ["The stack is not up, so nothing could be verified: fiber up."]),
    ],
    facts: {
      format: 1,
      target: {
        tag: record.tag,
        commit: record.commit,
        head: record.migrations.head,
        digest: builds ? null : (record.artefact?.digest ?? null),
        sizeBytes: (record.artefact ?? running.record?.artefact)?.sizeBytes ?? null,
        wasBad: record.status === "bad",
      },
      from: {
        release: running.release,
        commit: running.record?.commit ?? null,
        artefact: fromArtefact(running, record.tag),
        status: running.record?.status ?? null,
      },
      data:
        data === null
          ? null
          : {
              database: data.database,
              oid: data.oid,
              sizeBytes: data.sizeBytes,
              head: headOfApplied(data.applied),
            },
      restore: shown.restore,
      ...parts.facts,
    } satisfies RunFacts,
  };
}

/** What ran before a run, when one can come back to it: not to what is deployed once more. */
function fromArtefact(
  { record, artefact }: RunningView,
  target: string,
): RunFacts["from"]["artefact"] {
  if (record === null || record.artefact === null || !artefact || record.tag === target)
    return null;
  return { ...record.artefact, tag: record.tag, commit: record.commit };
}
