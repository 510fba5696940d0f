import type { PreparedPoints } from "./prepare-points.js";

/** Spikes above this many times the medians and 95th percentiles are cut, and said to be. */
const HIGHEST_SPIKE = 4;

/** The top of the latency axis in ms. */
export function latencyTop(prepared: PreparedPoints): number {
  return Math.min(highestOf(prepared) * 1.08, usualTop(prepared));
}

/** The largest round trip that the axis cuts off in ms, null when all are in view. */
export function cutSpike(prepared: PreparedPoints): number | null {
  const highest = highestOf(prepared);
  return highest > usualTop(prepared) ? highest : null;
}

function highestOf({ points }: PreparedPoints): number {
  return Math.max(1, ...points.map((point) => point.latency_max_ms ?? 0));
}

function usualTop({ points }: PreparedPoints): number {
  const usual = points.map((p) => Math.max(p.latency_median_ms ?? 0, p.latency_p95_ms ?? 0));
  return HIGHEST_SPIKE * Math.max(0.25, ...usual);
}
