export { type DashboardConfig, dashboardConfigSchema } from "./config.js";
export { type DashboardOptions, startDashboard } from "./start-dashboard.js";
