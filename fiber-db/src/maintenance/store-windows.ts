import type { Db } from "../pool.js";

/** Planned work: alerts are muted, measuring goes on. Times in epoch ms. */
export interface MaintenanceWindow {
  readonly id: string;
  readonly reason: string;
  readonly openedBy: string;
  readonly openedMs: number;
  /** It ends by itself then, should nobody close it. */
  readonly endsByMs: number;
  readonly closedMs: number | null;
}

/**
 * Writes windows as they are told; those that are known are brought up to date.
 *
 * @returns how many were new or differed
 */
export async function storeMaintenanceWindows(
  db: Db,
  windows: readonly MaintenanceWindow[],
): Promise<number> {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms));
  const { rowCount } = await db.query(
    `INSERT INTO maintenance_windows AS w
       (window_id, reason, opened_by, opened_at, ends_by, closed_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[],
                          $5::timestamptz[], $6::timestamptz[])
     ON CONFLICT (window_id) DO UPDATE SET reason = excluded.reason,
       opened_by = excluded.opened_by, opened_at = excluded.opened_at,
       ends_by = excluded.ends_by, closed_at = excluded.closed_at
     WHERE (w.reason, w.opened_by, w.opened_at, w.ends_by)
             <> (excluded.reason, excluded.opened_by, excluded.opened_at, excluded.ends_by)
        OR w.closed_at IS DISTINCT FROM excluded.closed_at`,
    [
      windows.map((one) => one.id),
      windows.map((one) => one.reason),
      windows.map((one) => one.openedBy),
      windows.map((one) => time(one.openedMs)),
      windows.map((one) => time(one.endsByMs)),
      windows.map((one) => time(one.closedMs)),
    ],
  );
  return rowCount ?? 0;
}
