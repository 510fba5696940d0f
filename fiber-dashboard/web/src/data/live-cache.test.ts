import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import type { LatestRound } from "#contracts";
import { recordedNodes, recordedRounds } from "../../testing/recorded-fleet.js";
import { applyLiveEvent, mergeNodes, mergeRounds, noteRounds } from "./live-cache.js";
import { clusterQuery, nodesQuery, roundsQuery } from "./queries.js";

const NOW = Date.parse("2026-03-04T10:00:00Z");
const nodes = recordedNodes("calm", NOW);
const rounds = recordedRounds("calm", NOW);
const first = <T>(list: readonly T[]): T => {
  const [entry] = list;
  if (entry === undefined) throw new Error("the fleet is empty");
  return entry;
};
const later = (round: LatestRound, byMs: number): LatestRound => ({
  ...round,
  timestamp: new Date(Date.parse(round.timestamp) + byMs).toISOString(),
  latency_ms: 77,
});

describe("merging", () => {
  it("replaces a round by a newer one, in its place", () => {
    const merged = mergeRounds(rounds, [later(first(rounds), 5_000)]);
    expect(merged.map((round) => round.node_id)).toEqual(rounds.map((round) => round.node_id));
    expect(first(merged).latency_ms).toBe(77);
  });

  it("never goes back to an older round", () => {
    expect(mergeRounds(rounds, [later(first(rounds), -5_000)])).toEqual(rounds);
  });

  it("adds nodes it has not seen", () => {
    const added = { ...first(nodes), node_id: "probe-new" };
    expect(mergeNodes(nodes, [added]).at(-1)?.node_id).toBe("probe-new");
  });

  it("notes a node's newest summary but leaves its state to the API", () => {
    const round = { ...later(first(rounds), 5_000), state: "DOWN" as const };
    const noted = first(noteRounds(nodes, [round]));
    expect(noted.latest?.latency_ms).toBe(77);
    expect(noted.last_seen_at).toBe(round.timestamp);
    expect(noted.state).toBe("HEALTHY");
  });
});

describe("applyLiveEvent", () => {
  const filled = () => {
    const client = new QueryClient();
    client.setQueryData(nodesQuery.queryKey, nodes);
    client.setQueryData(roundsQuery.queryKey, rounds);
    return client;
  };

  it("patches rounds and nodes with samples", () => {
    const client = filled();
    applyLiveEvent(client, { event: "samples", data: [later(first(rounds), 5_000)] });
    expect(first(client.getQueryData(roundsQuery.queryKey) ?? []).latency_ms).toBe(77);
    expect(first(client.getQueryData(nodesQuery.queryKey) ?? []).latest?.latency_ms).toBe(77);
  });

  it("patches the posture of every cached window", () => {
    const client = filled();
    const posture = { posture: "SECURED", since: "2026-03-04T09:00:00Z", reason: null } as const;
    const key = clusterQuery("6h", null).queryKey;
    client.setQueryData(key, { posture: { ...posture, posture: "CONTESTED" } } as never);
    applyLiveEvent(client, { event: "posture", data: posture });
    expect(client.getQueryData(key)?.posture).toEqual(posture);
  });

  it("does not make up lists that were never read", () => {
    const client = new QueryClient();
    applyLiveEvent(client, { event: "nodes", data: nodes });
    applyLiveEvent(client, { event: "samples", data: rounds });
    expect(client.getQueryData(nodesQuery.queryKey)).toBeUndefined();
  });

  it("reads again after a gap what was read before it", () => {
    const client = filled();
    client.setQueryData(nodesQuery.queryKey, nodes, { updatedAt: Date.now() - 60_000 });
    applyLiveEvent(client, { event: "hello", data: { release: "dev", time: "" } });
    expect(client.getQueryState(nodesQuery.queryKey)?.isInvalidated).toBe(true);
    expect(client.getQueryState(roundsQuery.queryKey)?.isInvalidated).toBe(false);
  });
});
