import { Command } from "commander";

/** `fiber dashboard`: serves the web page and passes /api to the API. */
export function dashboardCommand(): Command {
  return new Command("dashboard")
    .description("serve the dashboard's web page in the foreground")
    .addHelpText(
      "after",
      `
Environment:
  FIBER_DASHBOARD_PORT   4000; 0 lets the system choose
  FIBER_DASHBOARD_HOST   127.0.0.1
  FIBER_API_URL          http://127.0.0.1:8000

Example:
  FIBER_API_URL=http://10.0.0.5:8000 fiber dashboard`,
    )
    .action(async () => (await import("../actions/dashboard.js")).runDashboard());
}
