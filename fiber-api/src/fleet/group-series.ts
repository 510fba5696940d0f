import type { FleetKey, GroupFigures, SeriesFigures } from "#db";
import { extreme, weightedMean } from "../charts/merge-buckets.js";
import { mixQuantile } from "./mix-quantile.js";

/** Series put together into regions, nodes or the whole fleet, sorted by key. */
export function groupSeries(
  series: readonly SeriesFigures[],
  by: FleetKey,
): readonly GroupFigures[] {
  const groups = new Map<string, SeriesFigures[]>();
  for (const figures of series) {
    const key = by === "region" ? figures.region : by === "node" ? figures.nodeId : "";
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [figures]);
    else group.push(figures);
  }
  return [...groups]
    .map(([key, group]) => toGroup(key, group))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function toGroup(key: string, group: readonly SeriesFigures[]): GroupFigures {
  const bySamples = (read: (figures: SeriesFigures) => number | null) =>
    weightedMean(group, (f) => f.samples, read);
  return {
    key,
    nodes: new Set(group.map((f) => f.nodeId)).size,
    samples: group.reduce((total, f) => total + f.samples, 0),
    latencyAvgMs: weightedMean(
      group,
      (f) => f.answered,
      (f) => f.latencyAvgMs,
    ),
    latencyMinMs: extreme(group, (f) => f.latencyMinMs, Math.min),
    latencyP50Ms: mixQuantile(group, 0.5),
    latencyP95Ms: mixQuantile(group, 0.95),
    latencyMaxMs: extreme(group, (f) => f.latencyMaxMs, Math.max),
    lossPct: bySamples((f) => f.lossPct),
    availabilityPct: bySamples((f) => f.availabilityPct),
    coveragePct: group.reduce((total, f) => total + f.coveragePct, 0) / group.length,
  };
}
