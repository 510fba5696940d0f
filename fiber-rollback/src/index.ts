export * from "./backup/manifest.js";
export * from "./pg-tools.js";
