export * from "./backup/compare-contents.js";
export * from "./backup/copy-backup.js";
export * from "./backup/create-backup.js";
export type { DumpProblem, DumpSource } from "./backup/inspect-dump.js";
export * from "./backup/list-backups.js";
export * from "./backup/manifest.js";
export { backupsFolder } from "./backup/places.js";
export * from "./backup/plan-prune.js";
export * from "./backup/prepare-backup.js";
export * from "./backup/prove-backup.js";
export * from "./backup/prune-backups.js";
export * from "./backup/verify-backup.js";
export { proveCompatibility } from "./deploy/prove-compatibility.js";
export * from "./deploy/run-releases.js";
export {
  type ComposeDriverOptions,
  createComposeDriver,
} from "./drivers/compose/compose-driver.js";
export * from "./drivers/deploy-driver.js";
export { recordedFolder } from "./drivers/process/artefact-record.js";
export { currentTag, makeCurrent } from "./drivers/process/current-release.js";
export { destroyTree } from "./drivers/process/frozen-tree.js";
export {
  createProcessDriver,
  type ProcessDriverOptions,
} from "./drivers/process/process-driver.js";
export { makeReserve, withReserve } from "./engine/disk-reserve.js";
export { engineVersion } from "./engine/engine-version.js";
export { estimateFrom } from "./engine/estimate.js";
export type { Journal, JournalEvent, JournalLine } from "./engine/journal.js";
export { listRuns, readRun } from "./engine/read-run.js";
export { abortRun, resumeRun, runPlan } from "./engine/run.js";
export * from "./engine/run-context.js";
export { counterCommand } from "./engine/run-errors.js";
export * from "./engine/run-plan.js";
export * from "./engine/run-record.js";
export { findUnfinishedRun, newRunId, runFolder, runsFolder } from "./engine/run-store.js";
export type { Step, StepDetail, StepState } from "./engine/step.js";
export * from "./engine/step-catalogue.js";
export { type RunsEvent, type WatchOptions, watchRuns } from "./engine/watch-runs.js";
export { operatorName } from "./engine/write-entry.js";
export * from "./fence/fence.js";
export * from "./fence/parse-duration.js";
export * from "./gates/gate-report.js";
export { runGates } from "./gates/run-gates.js";
export { type GatesForCommit, runGatesFor } from "./gates/run-gates-for.js";
export { changedFiles, mustResolve } from "./git/git-facts.js";
export { createGit, type Git } from "./git/run-git.js";
export { type TagSignature, tagSignature } from "./git/tag-signature.js";
export { blame } from "./hotfix/blame.js";
export { finishHotfix } from "./hotfix/finish.js";
export type { HotfixContext } from "./hotfix/hotfix-context.js";
export { type LastGoodTag, lastGoodTag } from "./hotfix/last-good-tag.js";
export { revert } from "./hotfix/revert.js";
export { slugOf, startHotfix } from "./hotfix/start.js";
export { CHECKLIST, checkIncidentItem, closeIncident } from "./incident/checklist.js";
export {
  type Incident,
  incidentFolder,
  listIncidents,
  readIncident,
} from "./incident/incident-file.js";
export {
  type ReportPorts,
  type RunReport,
  reportRun,
  resendNotices,
} from "./incident/report-run.js";
export * from "./maintenance/maintenance.js";
export * from "./pg-tools.js";
export * from "./ports.js";
export * from "./progress.js";
export { projectAt } from "./project/project-at.js";
export { type Project, readProject } from "./project/project-file.js";
export type { RoleEntry } from "./project/role-entry.js";
export { type ReadyPorts, readReadiness } from "./ready/gather-readiness.js";
export { isOpenContact, type Readiness, type ReadyItem } from "./ready/judge-readiness.js";
export * from "./releases/compatibility.js";
export * from "./releases/import-releases.js";
export * from "./releases/order-releases.js";
export * from "./releases/prune-releases.js";
export * from "./releases/release-facts.js";
export * from "./releases/release-overview.js";
export * from "./releases/release-places.js";
export * from "./releases/release-record.js";
export * from "./releases/release-store.js";
export * from "./releases/tag-release.js";
export * from "./releases/verify-release.js";
export { startQuarantineExpiry } from "./restore/expire-quarantines.js";
export { formatPlan } from "./restore/format-plan.js";
export type { RestoreRequest } from "./restore/gather-facts.js";
export * from "./restore/in-place.js";
export * from "./restore/quarantine.js";
export * from "./restore/restore.js";
export type { PlannedTable, RestorePlan } from "./restore/restore-plan.js";
export { alignColumns, formatReport, type RestoreReport } from "./restore/restore-report.js";
export type { ReleaseWorld, RunReporter } from "./rollback/release-world.js";
export * from "./schedule/archive-health.js";
export * from "./schedule/backup-health.js";
export * from "./schedule/backup-metrics.js";
export * from "./schedule/backup-schedule.js";
export * from "./schedule/schedule-config.js";
export { LOOK_BACK_MS } from "./verify/awaited-probes.js";
export * from "./verify/code-changed.js";
export * from "./verify/observe-before.js";
export * from "./verify/record-baseline.js";
export * from "./verify/run-verification.js";
export * from "./verify/verify-context.js";
export * from "./verify/verify-spec.js";
export * from "./wal/archive-script.js";
export * from "./wal/await-archive.js";
export * from "./wal/base-manifest.js";
export * from "./wal/choose-base.js";
export * from "./wal/create-base.js";
export * from "./wal/recover-to-scratch.js";
export * from "./wal/restore-points.js";
export * from "./wal/trim-wal.js";
export * from "./wal/wal-folder.js";
