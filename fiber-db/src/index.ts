export { embeddedDatabaseUrl } from "./embedded/embedded-url.js";
export { readPassword } from "./embedded/pgpass.js";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
  stopEmbeddedPostgres,
} from "./embedded/start-embedded-postgres.js";
export * from "./ingest/resolve-series.js";
export * from "./ingest/row-buffer.js";
export * from "./ingest/sample-writer.js";
export * from "./ingest/write-outcome.js";
export {
  downgrade,
  type MigrateOptions,
  type MigrateResult,
  type MigrationStep,
  upgrade,
} from "./migrate/migrate.js";
export { type LossItem, type PlannedLoss, plannedLoss } from "./migrate/planned-loss.js";
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
export type { NodeRecord } from "./queries/node-rows.js";
export * from "./queries/notify-changes.js";
export * from "./queries/raw-buckets.js";
export * from "./queries/read-fence.js";
export * from "./queries/read-posture.js";
export * from "./queries/rollup-buckets.js";
export type { StoredSample } from "./queries/sample-rows.js";
export * from "./queries/update-node.js";
export * from "./queries/upsert-heartbeat.js";
export * from "./rollups/buckets.js";
export * from "./rollups/compute-due-rollups.js";
export * from "./rollups/drop-expired-rollups.js";
export * from "./rollups/mark-missing-rollups.js";
export * from "./tokens/ensure-token.js";
export * from "./tokens/find-token.js";
export * from "./tokens/issue-token.js";
export * from "./tokens/list-tokens.js";
export * from "./tokens/revoke-token.js";
export { makeTokenText } from "./tokens/token-text.js";
