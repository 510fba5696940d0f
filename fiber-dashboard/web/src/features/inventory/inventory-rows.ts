import type { AggregatedView, NodeView } from "#contracts";

type NodeFigures = AggregatedView["groups"][number];

/** One row of the inventory: a probe with its figures over the window, null while unknown. */
export interface InventoryRow {
  readonly node: NodeView;
  readonly figures: NodeFigures | null;
}

/** Joins probes and figures, narrowed to a region and to a search. */
export function inventoryRows(
  nodes: readonly NodeView[],
  figures: readonly NodeFigures[],
  filter: { readonly region: string | null; readonly q: string },
): readonly InventoryRow[] {
  const byNode = new Map(figures.map((group) => [group.key, group]));
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  return nodes
    .filter((node) => filter.region === null || node.region === filter.region)
    .filter((node) => {
      const text = searchText(node);
      return words.every((word) => text.includes(word));
    })
    .map((node) => ({ node, figures: byNode.get(node.node_id) ?? null }));
}

function searchText(node: NodeView): string {
  const targets = node.series.map(({ target, check }) => `${target} ${check}`);
  return [node.node_id, node.region, node.country, node.state, ...targets].join(" ").toLowerCase();
}

/**
 * Keeps rows where they were: known ids in the order of `held`, new ones at the end. Nothing may
 * move away under the pointer.
 */
export function holdOrder<T>(
  rows: readonly T[],
  held: readonly string[] | null,
  idOf: (row: T) => string,
): readonly T[] {
  if (held === null) return rows;
  const places = new Map(held.map((id, index) => [id, index]));
  const place = (row: T) => places.get(idOf(row)) ?? held.length;
  return [...rows].sort((a, b) => place(a) - place(b));
}
