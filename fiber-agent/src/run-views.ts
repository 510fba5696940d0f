import type { ReadinessView, ReleaseView, RunStepView, RunSummary, RunView } from "#contracts";
import type { ListedRelease, Readiness, RunRecord, StepRecord } from "#rollback";

/** A release as it travels. */
export function toReleaseView(release: ListedRelease): ReleaseView {
  return {
    tag: release.tag,
    status: release.status,
    running: release.running,
    last_known_good: release.lastKnownGood,
    artefact_present: release.artefactPresent,
    commit: release.commit,
    signature: release.signature.status,
    signer: release.signature.signer,
    migration: release.migrations.head,
    backups: release.backups.length,
    created_at: release.createdAt,
    live_at: release.liveAt,
    judged_at: release.judgedAt,
    why: release.why,
  };
}

/** A run without its steps. */
export function toRunSummary(run: RunRecord): RunSummary {
  const { plan } = run;
  const steps = run.takenBackBy?.steps ?? run.steps;
  const at = steps.findLast((step) => ["running", "failed", "interrupted"].includes(step.state));
  return {
    id: plan.id,
    kind: plan.kind,
    state: run.state,
    resumable: run.resumable,
    from: plan.from,
    to: plan.to,
    level: plan.level,
    operator: plan.operator,
    reason: plan.reason,
    started_at: run.startedAt,
    ended_at: run.endedAt,
    duration_ms: run.durationMs,
    outcome: run.outcome,
    step: at?.title ?? null,
  };
}

/** A run with its steps. */
export function toRunView(run: RunRecord): RunView {
  const { plan, takenBackBy } = run;
  return {
    ...toRunSummary(run),
    host: plan.host,
    why: plan.why,
    loss: plan.loss.statement,
    estimate_ms: plan.estimate.ms,
    point_of_no_return: plan.pointOfNoReturn,
    warnings: [...plan.warnings],
    steps: run.steps.map(toStepView),
    taken_back_by:
      takenBackBy === undefined
        ? null
        : {
            why: takenBackBy.plan.why,
            level: takenBackBy.plan.level,
            steps: takenBackBy.steps.map(toStepView),
          },
  };
}

function toStepView(step: StepRecord): RunStepView {
  return {
    id: step.id,
    title: step.title,
    state: step.state,
    started_at: step.startedAt,
    duration_ms: step.durationMs,
    detail: step.detail === null ? null : { ...step.detail },
    error: step.error,
  };
}

/** Readiness as it travels. */
export function toReadinessView(readiness: Readiness): ReadinessView {
  const { light, summary, checkedAt, items } = readiness;
  return { light, summary, checked_at: checkedAt, items: items.map((item) => ({ ...item })) };
}
