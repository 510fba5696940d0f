import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ProbeFacts, ProbePlan, StatePaths } from "#agent";
import {
  type DemoPorts,
  demoProbeConfigs,
  findPingableGateway,
  readTargets,
  type TargetInput,
} from "#probe";
import type { Logger } from "#runtime";
import { targetFilePath } from "./target-file.js";

/** Carries the demo target's ports from its first life to the next, so that they stay. */
export const DEMO_PORTS_VARIABLE = "FIBER_DEMO_TARGET_PORTS";

const portsSchema = z.array(z.object({ region: z.string(), tcp: z.int(), http: z.int() }));

/** The demo target's ports from the text in which it tells them. */
export function parseDemoPorts(text: string): readonly DemoPorts[] {
  return portsSchema.parse(JSON.parse(text));
}

/**
 * Makes the planner of the demo probes: what `fiber up` measures. The gateway is looked for once,
 * at once; the user's own targets are read again with every plan.
 */
export function createDemoPlanner(options: {
  readonly paths: StatePaths;
  readonly log: Logger;
  readonly say: (line: string) => void;
}): (facts: ProbeFacts) => Promise<readonly ProbePlan[]> {
  const { paths, log, say } = options;
  const gateway = findPingableGateway(log);
  return async ({ demoTarget, apiUrl, dashboardUrl }) => {
    const probes = demoProbeConfigs({
      ports: parseDemoPorts(String(demoTarget.ports)),
      apiUrl,
      dashboardUrl,
      gateway: await gateway,
      extraTargets: ownTargets(say),
      spoolPath: (nodeId) => join(paths.stateDir, "spool", nodeId),
    });
    return probes.map(({ nodeId, yaml }) => ({ nodeId, config: yaml }));
  };
}

/** Targets of the user's probe.yaml; none without the file. */
function ownTargets(say: (line: string) => void): readonly TargetInput[] {
  const path = targetFilePath(undefined);
  if (!existsSync(path) && !process.env.FIBER_PROBE_CONFIG) return [];
  const targets = readTargets(path);
  say(`${targets.length} targets of your own from ${path}`);
  return targets;
}
