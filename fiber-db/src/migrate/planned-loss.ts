import { appliedMigrations } from "./bookkeeping.js";
import { type LossItem, lossOf } from "./count-loss.js";
import { lossyStatements } from "./lossy-statements.js";
import type { MigrateOptions } from "./migrate.js";
import { withConnection } from "./session.js";
import { downgradeTarget } from "./targets.js";

/** What a downgrade loses. */
export interface PlannedLoss {
  readonly items: readonly LossItem[];
  /** True when every item was counted and is empty. */
  readonly nothing: boolean;
  /** Releases that applied the migrations to be taken back. */
  readonly releases: readonly string[];
}

const COUNT_TIMEOUT_MS = 10_000;

/**
 * Counts what the migrations to be taken back would drop. Read-only. A lossy one is counted whole. Of
 * one that declares itself reversible, what nobody can compute again is counted all the same: its
 * word is taken only for what is derived, and for statements that name no table.
 *
 * @throws FiberError USAGE for a target that cannot be meant
 */
export async function plannedLoss(
  options: Pick<MigrateOptions, "connectionString"> & { readonly target: string },
): Promise<PlannedLoss> {
  return withConnection(options.connectionString, async (db) => {
    const applied = await appliedMigrations(db);
    const undone = applied.slice(downgradeTarget(options.target, applied.length)).reverse();
    await db.query("SELECT set_config('statement_timeout', $1, false)", [String(COUNT_TIMEOUT_MS)]);
    const items: LossItem[] = [];
    for (const row of undone) {
      items.push(...(await lossOf(db, row, lossyStatements(row.downSql))));
    }
    return {
      items,
      nothing: items.every((item) => item.rows === 0 && !item.estimated),
      releases: [...new Set(undone.map((row) => row.release))],
    };
  });
}
