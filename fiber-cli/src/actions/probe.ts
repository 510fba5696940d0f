import { loadProbeConfig, startProbe } from "#probe";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the probe role. */
export function runProbe(options: { config?: string }): Promise<void> {
  return runAsRole("probe", async ({ log, clock, env }) => {
    const configPath = options.config ?? "probe.yaml";
    const config = await loadProbeConfig(configPath, env);
    const running = await startProbe({ config, configPath, log, clock });
    return { ...running, detail: { node_id: config.nodeId } };
  });
}
