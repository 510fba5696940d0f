import { type DemoPorts, startDemoTarget } from "#probe";
import { DEMO_PORTS_VARIABLE, parseDemoPorts } from "../plan-demo-probes.js";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the demo's target server. */
export function runDemoTarget(): Promise<void> {
  return runAsRole("demo-target", async ({ log, env }) => {
    const wanted = env[DEMO_PORTS_VARIABLE];
    const before: readonly DemoPorts[] = wanted ? parseDemoPorts(wanted) : [];
    const { ports, stop } = await startDemoTarget({ log, ports: before });
    return { detail: { ports: JSON.stringify(ports) }, stop };
  });
}
