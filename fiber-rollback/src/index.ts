export * from "./backup/manifest.js";
export * from "./pg-tools.js";
export * from "./ports.js";
export * from "./progress.js";
