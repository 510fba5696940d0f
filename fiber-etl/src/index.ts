export * from "./consume/start-etl.js";
export * from "./direct-log/direct-log.js";
export * from "./etl-config.js";
export * from "./jetstream-log/jetstream-log.js";
export * from "./upkeep/start-upkeep.js";
