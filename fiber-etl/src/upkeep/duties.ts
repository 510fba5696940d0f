import {
  BUCKET_MS,
  bucketStart,
  computeDueRollups,
  type DbPool,
  dropExpiredPartitions,
  dropExpiredRollups,
  ensurePartitions,
  evaluateNodeStates,
  firstOpenBucket,
  inTransaction,
  markMissingRollups,
  notifyChanges,
  RETENTION_DAYS,
  ROLLUP_WIDTHS,
  type RollupWidth,
} from "#db";
import type { Clock, Logger } from "#runtime";
import type { Duty } from "./run-duty.js";

/** What the duties work on. */
export interface DutyTools {
  readonly pool: DbPool;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A reason that reads differently while the state is the same is stored this often at most. */
const REASON_EVERY_MS = 10_000;

/** The leader's duties; each remembers only what a new leader can find out again. */
export function createDuties(tools: DutyTools): readonly Duty[] {
  return [
    { name: "node states", everyMs: 2_000, work: nodeStates(tools) },
    { name: "rollups", everyMs: 60_000, work: rollups(tools) },
    { name: "partitions", everyMs: 3_600_000, work: () => partitions(tools) },
    { name: "retention", everyMs: 3_600_000, work: () => retention(tools) },
  ];
}

function nodeStates({ pool, clock }: DutyTools): () => Promise<void> {
  const renewedMs = new Map<string, number>();
  return async () => {
    const nowMs = clock.now();
    const isOld = (nodeId: string) => nowMs - (renewedMs.get(nodeId) ?? 0) >= REASON_EVERY_MS;
    const { changedNodes, postureChanged } = await inTransaction(pool, (db) =>
      evaluateNodeStates(db, nowMs, isOld),
    );
    for (const nodeId of changedNodes) renewedMs.set(nodeId, nowMs);
    if (changedNodes.length > 0) await notifyChanges(pool, { kind: "nodes", ids: changedNodes });
    if (postureChanged) await notifyChanges(pool, { kind: "posture", ids: [] });
  };
}

function rollups({ pool, clock, log }: DutyTools): () => Promise<void> {
  const markedTo = new Map<RollupWidth, number>();
  return async () => {
    const nowMs = clock.now();
    for (const width of ROLLUP_WIDTHS) {
      const oldestMs = nowMs - RETENTION_DAYS.raw * BUCKET_MS.daily;
      const fromMs = markedTo.get(width) ?? bucketStart(width, oldestMs);
      const toMs = firstOpenBucket(width, nowMs);
      await markMissingRollups(pool, { width, fromMs, toMs });
      markedTo.set(width, toMs);
    }
    const computed = await computeDueRollups(pool, nowMs);
    if (computed.length > 0) log.debug({ count: computed.length }, "rollups computed");
  };
}

async function partitions({ pool, clock, log }: DutyTools): Promise<void> {
  const made = await ensurePartitions(pool, { nowMs: clock.now() });
  if (made.kind === "backup-running") throw new Error("a backup is running: no partitions made");
  if (made.created.length > 0) log.info({ created: made.created }, "partitions made");
}

async function retention({ pool, clock, log }: DutyTools): Promise<void> {
  const nowMs = clock.now();
  const rows = await dropExpiredRollups(pool, nowMs);
  if (rows > 0) log.debug({ rows }, "old rollups deleted");
  const result = await dropExpiredPartitions(pool, { nowMs, keepDays: RETENTION_DAYS.raw });
  if (result.kind === "backup-running") throw new Error("a backup is running: nothing dropped");
  if (result.dropped.length > 0) log.info({ dropped: result.dropped }, "old partitions dropped");
  if (result.kind === "locked") throw new Error(`${result.table} is locked: not dropped yet`);
}
