export * from "./direct-log/direct-log.js";
export * from "./etl-config.js";
export * from "./upkeep/start-upkeep.js";
