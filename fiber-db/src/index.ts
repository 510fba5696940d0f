export * from "./backup/archive-status.js";
export * from "./backup/backup-sessions.js";
export * from "./backup/base-facts.js";
export * from "./backup/database-grants.js";
export * from "./backup/database-settings.js";
export * from "./backup/export-snapshot.js";
export * from "./backup/lock-backups.js";
export * from "./backup/scratch-database.js";
export * from "./backup/sequences.js";
export * from "./backup/server-facts.js";
export * from "./backup/table-figures.js";
export * from "./backup/wal-position.js";
export { embeddedDatabaseUrl } from "./embedded/embedded-url.js";
export { type ServerOwner, serverOwner } from "./embedded/owner.js";
export { readPassword } from "./embedded/pgpass.js";
export * from "./embedded/scratch-server.js";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
  stopEmbeddedPostgres,
} from "./embedded/start-embedded-postgres.js";
export * from "./fence/lift-fence.js";
export * from "./fence/raise-fence.js";
export * from "./ingest/resolve-series.js";
export * from "./ingest/row-buffer.js";
export * from "./ingest/sample-writer.js";
export * from "./ingest/write-outcome.js";
export * from "./maintenance/read-windows.js";
export * from "./maintenance/store-windows.js";
export { type AppliedMigration, appliedMigrations } from "./migrate/bookkeeping.js";
export type { LossItem } from "./migrate/count-loss.js";
export { migrationRecordFile, unrecordedDowns } from "./migrate/down-records.js";
export {
  holdMigrations,
  type MigrationHold,
  readHold,
  releaseHold,
} from "./migrate/hold.js";
export { loadMigrations, orderMigrations } from "./migrate/load-migrations.js";
export {
  downgrade,
  type MigrateOptions,
  type MigrateResult,
  type MigrationStep,
  upgrade,
} from "./migrate/migrate.js";
export { type PlannedLoss, plannedLoss } from "./migrate/planned-loss.js";
export {
  type CurrentRevision,
  checkMigrations,
  currentRevision,
  type HistoryEntry,
  history,
} from "./migrate/report.js";
export { type SchemaFit, schemaFit } from "./migrate/schema-fit.js";
export * from "./node-states/evaluate-node-states.js";
export * from "./partitions/backup-running.js";
export * from "./partitions/drop-expired-partitions.js";
export * from "./partitions/ensure-partitions.js";
export * from "./partitions/partition-days.js";
export * from "./partitions/partition-state.js";
export * from "./pool.js";
export type { Bucket } from "./queries/bucket-rows.js";
export * from "./queries/count-probes.js";
export * from "./queries/create-node.js";
export * from "./queries/delete-node.js";
export * from "./queries/find-node.js";
export * from "./queries/find-series.js";
export * from "./queries/fleet-figures-raw.js";
export * from "./queries/fleet-figures-rolled.js";
export { fleetRate } from "./queries/fleet-series.js";
export * from "./queries/fleet-trend.js";
export * from "./queries/latest-samples.js";
export * from "./queries/list-nodes.js";
export * from "./queries/list-samples.js";
export * from "./queries/listen-changes.js";
export * from "./queries/node-rounds.js";
export type { NodeRecord } from "./queries/node-rows.js";
export * from "./queries/notify-changes.js";
export * from "./queries/raw-buckets.js";
export * from "./queries/read-fence.js";
export * from "./queries/read-posture.js";
export * from "./queries/reporting-probes.js";
export * from "./queries/rollup-buckets.js";
export type { StoredSample } from "./queries/sample-rows.js";
export * from "./queries/target-figures.js";
export * from "./queries/update-node.js";
export * from "./queries/upsert-heartbeat.js";
export * from "./queue/count-writers.js";
export * from "./queue/find-deleted-nodes.js";
export * from "./queue/forget-applied.js";
export * from "./queue/merge-applied.js";
export * from "./queue/note-gap.js";
export { type AppliedRun, appliedFloor, readApplied } from "./queue/read-applied.js";
export { carryRound } from "./restore/carry-round.js";
export type { CarryRound, TableOutcome } from "./restore/carry-types.js";
export { countDiffering } from "./restore/count-differing.js";
export * from "./restore/create-database.js";
export * from "./restore/data-lock.js";
export * from "./restore/database-facts.js";
export { endLockHolders } from "./restore/end-lock-holders.js";
export { endSessionsNamed } from "./restore/end-sessions-named.js";
export * from "./restore/hold-writers.js";
export * from "./restore/live-figures.js";
export * from "./restore/rounds.js";
export { groupsTable, makeTargetGroups } from "./restore/sample-groups.js";
export * from "./restore/session.js";
export * from "./restore/swap-databases.js";
export * from "./restore/table-fingerprints.js";
export { readTableShapes, type TableShape } from "./restore/table-shapes.js";
export * from "./restore/unknown-data.js";
export * from "./rollups/buckets.js";
export * from "./rollups/compute-due-rollups.js";
export * from "./rollups/drop-expired-rollups.js";
export * from "./rollups/mark-missing-rollups.js";
export * from "./tokens/ensure-token.js";
export * from "./tokens/find-token.js";
export * from "./tokens/issue-token.js";
export * from "./tokens/list-tokens.js";
export * from "./tokens/revoke-token.js";
export * from "./tokens/token-roles.js";
export { isTokenText, makeTokenText } from "./tokens/token-text.js";
