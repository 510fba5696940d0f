import type { Db } from "../pool.js";
import type { MaintenanceWindow } from "./store-windows.js";

interface Row {
  window_id: string;
  reason: string;
  opened_by: string;
  opened_at: Date;
  ends_by: Date;
  closed_at: Date | null;
}

const COLUMNS = "window_id, reason, opened_by, opened_at, ends_by, closed_at";

/** The windows that touch a span of time (epoch ms, end exclusive), newest first. */
export async function maintenanceBetween(
  db: Db,
  span: { readonly startMs: number; readonly endMs: number },
): Promise<readonly MaintenanceWindow[]> {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM maintenance_windows
     WHERE opened_at < $2 AND coalesce(closed_at, ends_by) > $1 ORDER BY opened_at DESC`,
    [new Date(span.startMs), new Date(span.endMs)],
  );
  return rows.map(toWindow);
}

/** The window that is open now, the newest of several; null for none. */
export async function openMaintenanceWindow(db: Db): Promise<MaintenanceWindow | null> {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM maintenance_windows
     WHERE closed_at IS NULL AND opened_at <= now() AND ends_by > now()
     ORDER BY opened_at DESC LIMIT 1`,
  );
  return rows[0] === undefined ? null : toWindow(rows[0]);
}

/** Milliseconds of a span that lie in windows; what several share counts once. */
export function maintenanceMs(
  windows: readonly MaintenanceWindow[],
  span: { readonly startMs: number; readonly endMs: number },
): number {
  let sum = 0;
  let until = span.startMs;
  for (const one of windows.toSorted((a, b) => a.openedMs - b.openedMs)) {
    const start = Math.max(one.openedMs, until);
    const end = Math.min(one.closedMs ?? one.endsByMs, span.endMs);
    if (end <= start) continue;
    sum += end - start;
    until = end;
  }
  return sum;
}

function toWindow(row: Row): MaintenanceWindow {
  return {
    id: row.window_id,
    reason: row.reason,
    openedBy: row.opened_by,
    openedMs: row.opened_at.getTime(),
    endsByMs: row.ends_by.getTime(),
    closedMs: row.closed_at?.getTime() ?? null,
  };
}
