import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type {
  AggregatedView,
  CheckType,
  ClusterView,
  LatestRound,
  NodeView,
  ReadinessView,
  RunSummary,
  RunView,
  SeriesView,
} from "#contracts";
import { fetchJson } from "./fetch-json.js";
import { SCOPES, type Scope, windowOf } from "./window.js";

/** The live stream keeps lists fresh; reading them again heals whatever it missed. */
const HEAL_MS = 30_000;

/** More problems than anybody reads; the inventory has them all. */
const MOST_PROBLEMS = "50";

/** The envelope around everything but GET /api/metrics. */
interface Answer<T> {
  readonly data: T;
}

/** Which series a chart shows: a node's own summary, or one target by one check. */
export interface SeriesChoice {
  readonly node: string;
  readonly target: string | null;
  readonly check: CheckType | null;
}

function pathOf(path: string, query: Readonly<Record<string, string | null>>): string {
  const present = Object.entries(query).filter((entry): entry is [string, string] => {
    return entry[1] !== null;
  });
  return `${path}?${new URLSearchParams(present)}`;
}

/** GET /api/nodes. */
export const nodesQuery = queryOptions({
  queryKey: ["nodes"],
  queryFn: async ({ signal }) => (await fetchJson<Answer<NodeView[]>>("/api/nodes", signal)).data,
  refetchInterval: HEAL_MS,
});

/** GET /api/metrics: the newest round of every probe. */
export const roundsQuery = queryOptions({
  queryKey: ["rounds"],
  queryFn: ({ signal }) => fetchJson<LatestRound[]>("/api/metrics", signal),
  refetchInterval: HEAL_MS,
});

/** GET /api/metrics/cluster over a scope, of all regions or one. */
export const clusterQuery = (scope: Scope, region: string | null) =>
  queryOptions({
    queryKey: ["cluster", scope, region],
    queryFn: async ({ signal }) => {
      const query = { ...windowOf(scope, Date.now()), region, top_n: MOST_PROBLEMS };
      const path = pathOf("/api/metrics/cluster", query);
      return (await fetchJson<Answer<ClusterView>>(path, signal)).data;
    },
    refetchInterval: SCOPES[scope].refetchMs,
    placeholderData: keepPreviousData,
  });

/** GET /api/metrics/aggregated: figures of every node over a scope. */
export const nodeFiguresQuery = (scope: Scope) =>
  queryOptions({
    queryKey: ["aggregated", "node", scope],
    queryFn: async ({ signal }) => {
      const query = { dimension: "node", ...windowOf(scope, Date.now()) };
      const path = pathOf("/api/metrics/aggregated", query);
      return (await fetchJson<Answer<AggregatedView>>(path, signal)).data;
    },
    refetchInterval: Math.max(SCOPES[scope].refetchMs, 30_000),
    placeholderData: keepPreviousData,
  });

/** GET /api/series: one series over a scope. */
export const seriesQuery = (choice: SeriesChoice, scope: Scope) =>
  queryOptions({
    queryKey: ["series", choice.node, choice.target, choice.check, scope],
    queryFn: async ({ signal }) => {
      const { node, target, check } = choice;
      const query = { node_id: node, target, check, ...windowOf(scope, Date.now()) };
      return (await fetchJson<Answer<SeriesView>>(pathOf("/api/series", query), signal)).data;
    },
    refetchInterval: SCOPES[scope].refetchMs,
  });

/** GET /api/readiness: the agent looks again at most every few seconds. */
export const readinessQuery = queryOptions({
  queryKey: ["readiness"],
  queryFn: async ({ signal }) =>
    (await fetchJson<Answer<ReadinessView>>("/api/readiness", signal)).data,
  refetchInterval: HEAL_MS,
});

/** GET /api/runs, newest first; kept fresh by useRunsLive while a page shows them. */
export const runsQuery = queryOptions({
  queryKey: ["runs"],
  queryFn: async ({ signal }) =>
    (await fetchJson<Answer<RunSummary[]>>("/api/runs?limit=20", signal)).data,
  refetchInterval: HEAL_MS,
});

/** GET /api/runs/{id}: one run with its steps. */
export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id],
    queryFn: async ({ signal }) =>
      (await fetchJson<Answer<RunView>>(`/api/runs/${encodeURIComponent(id)}`, signal)).data,
  });
