import { etlConfigSchema, startEtl } from "#etl";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the ETL role. */
export function runEtl(): Promise<void> {
  return runAsRole("etl", async ({ log, clock, env, loadConfig }) => {
    const config = loadConfig(etlConfigSchema, env);
    const etl = await startEtl({ config, log, clock });
    return { detail: {}, stop: () => etl.stop() };
  });
}
