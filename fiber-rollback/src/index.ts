export * from "./backup/create-backup.js";
export * from "./backup/list-backups.js";
export * from "./backup/manifest.js";
export * from "./pg-tools.js";
export * from "./ports.js";
export * from "./progress.js";
