import { etlConfigSchema, startEtl } from "#etl";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the writer that reads JetStream. */
export function runEtl(): Promise<void> {
  return runAsRole("etl", async ({ log, clock, env, loadConfig }) => {
    const config = loadConfig(etlConfigSchema, env);
    const running = await startEtl({ config, log, clock });
    return { ...running, detail: {} };
  });
}
