import type { Db } from "../pool.js";

/** Migrations that were taken back on purpose and stay so until an upgrade is asked for. */
export interface MigrationHold {
  /** The revision at which the schema is held; null at the base. */
  readonly revision: string | null;
  /** In words: "fiber migrate downgrade 0002". */
  readonly reason: string;
  readonly heldAt: Date;
}

/** The table's name; it is made by the first hold and is no part of any migration. */
export const HOLD_TABLE = "fiber_migrations_hold";

/** Holds the schema where it is: no start of the stack upgrades it. */
export async function holdMigrations(
  db: Db,
  hold: Pick<MigrationHold, "revision" | "reason">,
): Promise<void> {
  await db.query(`
    CREATE TABLE IF NOT EXISTS ${HOLD_TABLE} (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      revision text,
      reason   text NOT NULL,
      held_at  timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE ${HOLD_TABLE} IS 'control: a row means that no start upgrades the schema'`);
  await db.query(
    `INSERT INTO ${HOLD_TABLE} (revision, reason) VALUES ($1, $2)
     ON CONFLICT (only_row) DO UPDATE
       SET (revision, reason, held_at) = (excluded.revision, excluded.reason, now())`,
    [hold.revision, hold.reason],
  );
}

/** The hold that stands, null for none. */
export async function readHold(db: Db): Promise<MigrationHold | null> {
  const { rows: made } = await db.query<{ made: boolean }>(
    "SELECT to_regclass($1) IS NOT NULL AS made",
    [HOLD_TABLE],
  );
  if (!made[0]?.made) return null;
  const { rows } = await db.query<MigrationHold>(
    `SELECT revision, reason, held_at AS "heldAt" FROM ${HOLD_TABLE}`,
  );
  return rows[0] ?? null;
}

/** Ends the hold; harmless when there is none. Leaves nothing behind. */
export async function releaseHold(db: Db): Promise<void> {
  await db.query(`SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${HOLD_TABLE}`);
}
