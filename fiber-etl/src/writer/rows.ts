import type { Sample } from "#contracts";
import { BUCKET_MS, bucketStart, type SeriesKey } from "#db";
import type { Group } from "./group.js";
import type { SeriesCache } from "./series-cache.js";

/** Samples on their way into a group, in whatever form they came. */
export interface Rows {
  readonly count: number;
  /**
   * Writes them at the end of a group. False when the cache does not know one of their series;
   * the caller then drops what was written.
   */
  writeTo(group: Group, cache: SeriesCache): boolean;
  /** Their series that the cache does not know. */
  unknownSeries(cache: SeriesCache): readonly SeriesKey[];
  /** The first of their nodes that is among these. */
  findNode(nodeIds: ReadonlySet<string>): string | undefined;
}

/** Samples as objects. */
export function rowsOf(samples: readonly Sample[]): Rows {
  return {
    count: samples.length,
    writeTo: (group, cache) => writeSamples(samples, group, cache),
    unknownSeries: (cache) => samples.filter((sample) => cache.find(sample) === undefined),
    findNode: (nodeIds) => samples.find((sample) => nodeIds.has(sample.nodeId))?.nodeId,
  };
}

function writeSamples(samples: readonly Sample[], group: Group, cache: SeriesCache): boolean {
  let lastNode = "";
  let hourMs = 0;
  let hourEndMs = 0;
  for (const sample of samples) {
    const seriesId = cache.find(sample);
    if (seriesId === undefined) return false;
    group.rows.write(seriesId, sample);
    if (sample.timeMs < hourMs || sample.timeMs >= hourEndMs) {
      hourMs = bucketStart("hourly", sample.timeMs);
      hourEndMs = hourMs + BUCKET_MS.hourly;
      group.hours.add(hourMs);
    }
    if (sample.nodeId !== lastNode) {
      lastNode = sample.nodeId;
      group.nodeIds.add(lastNode);
    }
  }
  return true;
}
