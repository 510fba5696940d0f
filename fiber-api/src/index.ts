export { type ApiDeps, buildApi } from "./build-api.js";
export { type ApiConfig, apiConfigSchema } from "./config.js";
export { startDatabaseCare } from "./database-start.js";
export { startApi } from "./start-api.js";
