import type { Db } from "../pool.js";

/** Where the server's WAL stands after a restore point or a switch. */
export interface WalPosition {
  /** Such as "0/3000158". */
  readonly lsn: string;
  readonly timeline: number;
  /** The segment that holds it, such as "000000010000000000000003". */
  readonly segment: string;
  readonly systemIdentifier: string;
  /** Epoch ms of the server's clock. */
  readonly atMs: number;
}

const POSITION = `
  SELECT p.lsn::text AS lsn, pg_walfile_name(p.lsn) AS segment, clock_timestamp() AS at,
         (SELECT system_identifier::text FROM pg_control_system()) AS id`;

/** Writes a named restore point into the WAL; the position is the end of its record. */
export async function writeRestorePoint(db: Db, name: string): Promise<WalPosition> {
  return position(db, `${POSITION} FROM pg_create_restore_point($1) AS p (lsn)`, [name]);
}

/**
 * Commits something, so that recovery to a moment before now has a later commit to stop at, and
 * closes the segment that is being written. The position is inside the closed segment.
 */
export async function switchWal(db: Db): Promise<WalPosition> {
  await db.query("SELECT pg_current_xact_id()");
  return position(db, `${POSITION} FROM pg_switch_wal() AS p (lsn)`, []);
}

async function position(db: Db, sql: string, values: readonly unknown[]): Promise<WalPosition> {
  const { rows } = await db.query<{ lsn: string; segment: string; at: Date; id: string }>(
    sql,
    values,
  );
  const row = rows[0];
  if (row === undefined) throw new Error("the server told no WAL position");
  return {
    lsn: row.lsn,
    segment: row.segment,
    timeline: Number.parseInt(row.segment.slice(0, 8), 16),
    systemIdentifier: row.id,
    atMs: row.at.getTime(),
  };
}
