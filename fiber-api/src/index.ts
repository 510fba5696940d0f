export { type ApiDeps, buildApi } from "./build-api.js";
export { type ApiConfig, apiConfigSchema } from "./config.js";
export { startApi } from "./start-api.js";
