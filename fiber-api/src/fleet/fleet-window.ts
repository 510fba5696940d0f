import {
  type Db,
  type FleetKey,
  fleetFiguresRaw,
  fleetFiguresRolled,
  fleetRate,
  type GroupFigures,
  RETENTION_DAYS,
  rolledUpUntil,
} from "#db";
import type { QueryWindow } from "../routes/query-window.js";
import { groupSeries } from "./group-series.js";

const HOUR_MS = 3_600_000;

/** A window of the fleet, or of one region of it. */
export type AskedWindow = QueryWindow & { readonly region?: string | null };

/** A window of the fleet and what it is read from; `rawFromMs` is where rolled up hours end. */
export type FleetWindow = AskedWindow &
  ({ readonly resolution: "raw" } | { readonly resolution: "hourly"; readonly rawFromMs: number });

/** Samples a fleet figure may read before it takes the hours instead. */
const MAX_RAW_ROWS = 40_000;

/**
 * Decides what a window is read from: samples where they are few and still kept, else hours. By
 * the hour the window begins at a full hour.
 */
export async function planFleetWindow(
  db: Db,
  window: AskedWindow,
  nowMs: number,
): Promise<FleetWindow> {
  const lengthMs = window.endMs - window.startMs;
  const rows = ((await fleetRate(db)) * lengthMs) / 1000;
  const kept = nowMs - window.startMs <= RETENTION_DAYS.raw * 86_400_000;
  if (kept && rows <= MAX_RAW_ROWS) return { ...window, resolution: "raw" };
  const startMs = Math.floor(window.startMs / HOUR_MS) * HOUR_MS;
  const until = (await rolledUpUntil(db, "hourly")) ?? startMs;
  const rawFromMs = Math.min(Math.max(until, startMs), Math.max(window.endMs, startMs));
  return { ...window, startMs, resolution: "hourly", rawFromMs };
}

/** Figures of a window, grouped; by several groupings from one reading. */
export async function readFleet(
  db: Db,
  window: FleetWindow,
  groupings: readonly FleetKey[],
): Promise<readonly (readonly GroupFigures[])[]> {
  if (window.resolution === "raw") {
    return Promise.all(groupings.map((by) => fleetFiguresRaw(db, { ...window, by })));
  }
  const series = await fleetFiguresRolled(db, window);
  return groupings.map((by) => groupSeries(series, by));
}
