import { type DemoPorts, startDemoTarget } from "#probe";
import { listenWhenTold } from "#runtime";
import { DEMO_PORTS_VARIABLE, parseDemoPorts } from "../plan-demo-probes.js";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the demo's target server. */
export function runDemoTarget(): Promise<void> {
  return runAsRole("demo-target", async ({ log, env }) => {
    const wanted = env[DEMO_PORTS_VARIABLE];
    const before: readonly DemoPorts[] = wanted ? parseDemoPorts(wanted) : [];
    const { ports, stop } = await listenWhenTold(
      () => startDemoTarget({ log, ports: before }),
      async () => undefined,
    );
    return { detail: { ports: JSON.stringify(ports) }, stop };
  });
}
