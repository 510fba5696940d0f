import type { ResolvedSeries, SeriesKey } from "#db";

/** Beyond this many series a map starts anew: about 100 MB. */
const MAX_SERIES = 500_000;

/** What names a series. */
type SeriesName = Pick<SeriesKey, "nodeId" | "target" | "check">;

/** Something in memory for each series, found without putting a key together. */
export interface SeriesMap<T> {
  find(name: SeriesName): T | undefined;
  set(name: SeriesName, value: T): void;
  forgetNodes(nodeIds: readonly string[]): void;
  clear(): void;
}

/** Makes an empty {@link SeriesMap}. */
export function createSeriesMap<T>(): SeriesMap<T> {
  /** By node, check, then target. */
  const nodes = new Map<string, Map<string, Map<string, T>>>();
  let size = 0;
  // Batches come from one node: the last one is remembered.
  let lastId = "";
  let last: Map<string, Map<string, T>> | undefined;

  function forgetLast(): void {
    lastId = "";
    last = undefined;
  }

  function clear(): void {
    nodes.clear();
    size = 0;
    forgetLast();
  }

  return {
    find({ nodeId, target, check }) {
      if (nodeId !== lastId) {
        last = nodes.get(nodeId);
        lastId = nodeId;
      }
      return last?.get(check)?.get(target);
    },
    set({ nodeId, target, check }, value) {
      if (size > MAX_SERIES) clear();
      const node = nodes.get(nodeId) ?? new Map<string, Map<string, T>>();
      const targets = node.get(check) ?? new Map<string, T>();
      nodes.set(nodeId, node.set(check, targets.set(target, value)));
      size++;
      forgetLast();
    },
    forgetNodes(nodeIds) {
      for (const nodeId of nodeIds) nodes.delete(nodeId);
      forgetLast();
    },
    clear,
  };
}

/** Series ids in memory, so that a known series costs no query. */
export interface SeriesCache {
  /** The id of a series, undefined when it must be resolved. */
  find(name: SeriesName): number | undefined;
  add(resolved: ResolvedSeries): void;
  forgetNodes(nodeIds: readonly string[]): void;
  clear(): void;
}

/** Makes an empty {@link SeriesCache}. */
export function createSeriesCache(): SeriesCache {
  const map = createSeriesMap<number>();
  return {
    ...map,
    add({ series }) {
      for (const { seriesId, ...name } of series) map.set(name, seriesId);
    },
  };
}
