import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  type ClusterView,
  clusterSchema,
  errorBodySchema,
  NODE_STATES,
  regionSchema,
} from "#contracts";
import { countProbes, type Db, listNodes, type NodeRecord, readPosture } from "#db";
import { type FleetWindow, planFleetWindow, readFleet } from "../fleet/fleet-window.js";
import { readTrend } from "../fleet/read-trend.js";
import type { ReadDeps } from "../read-deps.js";
import { NO_FIGURES, toFiguresView } from "../views/figures-view.js";
import { toPostureView } from "../views/posture-view.js";
import { isoTime } from "../views/sample-view.js";
import { readWindow, timeParameter } from "./query-window.js";

const DAY_MS = 86_400_000;

const querySchema = z.object({
  start: timeParameter.optional().describe("default: 24 hours before the end"),
  end: timeParameter.optional().describe("default: now"),
  region: regionSchema
    .optional()
    .describe("only the nodes of this region; posture stays the fleet's"),
  top_n: z.coerce.number().int().min(1).max(100).default(10).describe("problem nodes at most"),
});

/** GET /api/metrics/cluster: the fleet in one answer, over at most 7 days. */
export function clusterRoute(app: FastifyInstance, { db, clock, mayRead }: ReadDeps): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/api/metrics/cluster",
    {
      onRequest: mayRead,
      schema: {
        tags: ["metrics"],
        summary: "Posture, figures, trend, regions and problems of the fleet",
        description: "At most 7 days. `previous` covers the window of the same length before.",
        querystring: querySchema,
        response: { 200: clusterSchema, default: errorBodySchema },
      },
    },
    async (request, reply) => {
      const nowMs = clock.now();
      const limits = { nowMs, defaultMs: DAY_MS, maxMs: 7 * DAY_MS };
      const { region = null } = request.query;
      const asked = { ...readWindow(request.query, limits), region };
      const window = await planFleetWindow(db, asked, nowMs);
      const data = await readCluster(db, window, nowMs, request.query.top_n);
      return reply.send({ status: "ok", data });
    },
  );
}

async function readCluster(
  db: Db,
  window: FleetWindow,
  nowMs: number,
  topN: number,
): Promise<ClusterView> {
  const { startMs, endMs, region = null } = window;
  const before = { startMs: Math.max(0, 2 * startMs - endMs), endMs: startMs, region };
  const [all, stored, probes, [fleet = [], regions = []], [previous = []], trend] =
    await Promise.all([
      listNodes(db),
      readPosture(db),
      countProbes(db, region),
      readFleet(db, window, ["fleet", "region"]),
      planFleetWindow(db, before, nowMs).then((w) => readFleet(db, w, ["fleet"])),
      readTrend(db, window, nowMs),
    ]);
  const nodes = all.filter((node) => region === null || node.region === region);
  return {
    start: isoTime(startMs),
    end: isoTime(endMs),
    posture: toPostureView(stored, all, nowMs),
    probes,
    summary: fleet[0] === undefined ? NO_FIGURES : toFiguresView(fleet[0]),
    previous: previous[0] === undefined ? NO_FIGURES : toFiguresView(previous[0]),
    ...trend,
    regions: regions.map((group) => ({
      ...toFiguresView(group),
      region: group.key,
      nodes: group.nodes,
      worst_state: worstState(nodes.filter((node) => node.region === group.key)),
    })),
    problems: findProblems(nodes, topN),
  };
}

function severity(node: NodeRecord): number {
  return NODE_STATES.indexOf(node.state);
}

function worstState(nodes: readonly NodeRecord[]): NodeRecord["state"] {
  return NODE_STATES[Math.max(0, ...nodes.map(severity))] ?? "HEALTHY";
}

/** Nodes that are not healthy: worst first, then the longest. */
function findProblems(nodes: readonly NodeRecord[], topN: number): ClusterView["problems"] {
  return nodes
    .filter((node) => node.state !== "HEALTHY")
    .sort((a, b) => severity(b) - severity(a) || a.stateSinceMs - b.stateSinceMs)
    .slice(0, topN)
    .map((node) => ({
      node_id: node.nodeId,
      region: node.region,
      state: node.state,
      since: isoTime(node.stateSinceMs),
      reason: node.stateReason,
    }));
}
