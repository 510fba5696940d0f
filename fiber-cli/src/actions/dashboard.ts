import { dashboardConfigSchema, startDashboard } from "#dashboard";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the dashboard role. */
export function runDashboard(): Promise<void> {
  return runAsRole("dashboard", async ({ log, env, loadConfig }) => {
    const config = loadConfig(dashboardConfigSchema, env);
    const { port, stop } = await startDashboard({ config, log });
    return { detail: { port }, stop };
  });
}
