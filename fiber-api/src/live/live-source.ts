import { type Db, latestSamples, listNodes, readPosture } from "#db";
import type { Clock } from "#runtime";
import { toNodeViews } from "../views/node-view.js";
import { toPostureView } from "../views/posture-view.js";
import { toLatestRounds } from "../views/sample-view.js";
import type { LiveSource } from "./live-hub.js";

/** Reads live events from the database. */
export function createLiveSource(db: Db, clock: Clock): LiveSource {
  return {
    readSamples: async (ids) => toLatestRounds(await latestSamples(db, ids)),
    readNodes: async (ids) => toNodeViews(...(await readNodesAndSamples(db, ids))),
    readPosture: async () => {
      const [stored, nodes] = await Promise.all([readPosture(db), listNodes(db)]);
      return toPostureView(stored, nodes, clock.now());
    },
  };
}

function readNodesAndSamples(db: Db, ids: readonly string[] | null) {
  return Promise.all([listNodes(db, ids), latestSamples(db, ids)]);
}
