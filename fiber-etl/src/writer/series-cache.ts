import type { ResolvedSeries, SeriesKey } from "#db";

/** Beyond this many series the cache starts anew: about 100 MB. */
const MAX_SERIES = 500_000;

/** A node's series ids by check, then target. */
type NodeSeries = Map<string, Map<string, number>>;

/** Series ids in memory, so that a known series costs no query. */
export interface SeriesCache {
  /** The id of a series, undefined when it must be resolved. */
  find(key: Pick<SeriesKey, "nodeId" | "target" | "check">): number | undefined;
  add(resolved: ResolvedSeries): void;
  forgetNodes(nodeIds: readonly string[]): void;
  clear(): void;
}

/** Makes an empty {@link SeriesCache}. */
export function createSeriesCache(): SeriesCache {
  const nodes = new Map<string, NodeSeries>();
  let size = 0;
  // Batches come from one node: the last one is remembered.
  let lastId = "";
  let last: NodeSeries | undefined;

  function clear(): void {
    nodes.clear();
    size = 0;
    last = undefined;
    lastId = "";
  }

  return {
    find({ nodeId, target, check }) {
      if (nodeId !== lastId) {
        last = nodes.get(nodeId);
        lastId = nodeId;
      }
      return last?.get(check)?.get(target);
    },
    add({ series }) {
      if (size > MAX_SERIES) clear();
      for (const { nodeId, target, check, seriesId } of series) {
        const node: NodeSeries = nodes.get(nodeId) ?? new Map();
        const targets = node.get(check) ?? new Map<string, number>();
        nodes.set(nodeId, node.set(check, targets.set(target, seriesId)));
        size++;
      }
      lastId = "";
      last = undefined;
    },
    forgetNodes(nodeIds) {
      for (const nodeId of nodeIds) nodes.delete(nodeId);
      lastId = "";
      last = undefined;
    },
    clear,
  };
}
