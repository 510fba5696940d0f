import type { MaintenanceView } from "#contracts";
import type { MaintenanceWindow } from "#db";
import { isoTime } from "./sample-view.js";

/** A window of planned work as it travels. */
export function toMaintenanceView(window: MaintenanceWindow, nowMs: number): MaintenanceView {
  return {
    id: window.id,
    reason: window.reason,
    opened_by: window.openedBy,
    opened_at: isoTime(window.openedMs),
    ends_by: isoTime(window.endsByMs),
    closed_at: window.closedMs === null ? null : isoTime(window.closedMs),
    open: window.closedMs === null && window.endsByMs > nowMs,
  };
}
