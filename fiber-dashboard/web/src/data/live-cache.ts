import type { QueryClient } from "@tanstack/react-query";
import type { ClusterView, LatestRound, LiveEvent, NodeView } from "#contracts";
import { nodesQuery, roundsQuery } from "./queries.js";

/** Read this shortly before the stream opened, nothing can be missing. */
const FRESH_MS = 5_000;

/** Patches what is cached with a live event, so that nothing is read again for it. */
export function applyLiveEvent(client: QueryClient, event: LiveEvent): void {
  switch (event.event) {
    case "hello":
      // It may end a gap in which events were missed: what was read before it is read again.
      void client.invalidateQueries({
        predicate: ({ state }) => Date.now() - state.dataUpdatedAt > FRESH_MS,
      });
      return;
    case "samples":
      client.setQueryData(roundsQuery.queryKey, (old) => old && mergeRounds(old, event.data));
      client.setQueryData(nodesQuery.queryKey, (old) => old && noteRounds(old, event.data));
      return;
    case "nodes":
      client.setQueryData(nodesQuery.queryKey, (old) => old && mergeNodes(old, event.data));
      void client.invalidateQueries({ queryKey: ["cluster"] });
      return;
    case "posture":
      client.setQueriesData<ClusterView>({ queryKey: ["cluster"] }, (old) =>
        old === undefined ? old : { ...old, posture: event.data },
      );
  }
}

/** The rounds with the changed ones in place of older ones; a round never gets older. */
export function mergeRounds(
  rounds: readonly LatestRound[],
  changed: readonly LatestRound[],
): LatestRound[] {
  return merge(rounds, changed, (was, is) => Date.parse(is.timestamp) >= Date.parse(was.timestamp));
}

/** The nodes with the changed ones in their places, new ones at the end. */
export function mergeNodes(nodes: readonly NodeView[], changed: readonly NodeView[]): NodeView[] {
  return merge(nodes, changed, () => true);
}

/** The nodes with their newest summaries; their states stay as the API gave them. */
export function noteRounds(nodes: readonly NodeView[], rounds: readonly LatestRound[]): NodeView[] {
  const byNode = new Map(rounds.map((round) => [round.node_id, round]));
  return nodes.map((node) => {
    const round = byNode.get(node.node_id);
    if (round === undefined || isOlder(round.timestamp, node.latest?.timestamp)) return node;
    const { timestamp, latency_ms, uptime_pct, packet_loss } = round;
    return {
      ...node,
      latest: { timestamp, latency_ms, uptime_pct, packet_loss },
      last_seen_at: isOlder(timestamp, node.last_seen_at) ? node.last_seen_at : timestamp,
    };
  });
}

function isOlder(time: string, than: string | null | undefined): boolean {
  return than !== null && than !== undefined && Date.parse(time) < Date.parse(than);
}

function merge<T extends { readonly node_id: string }>(
  list: readonly T[],
  changed: readonly T[],
  replaces: (was: T, is: T) => boolean,
): T[] {
  const news = new Map(changed.map((entry) => [entry.node_id, entry]));
  const merged = list.map((was) => {
    const is = news.get(was.node_id);
    news.delete(was.node_id);
    return is !== undefined && replaces(was, is) ? is : was;
  });
  return [...merged, ...news.values()];
}
