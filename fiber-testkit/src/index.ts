export * from "./free-port.js";
export * from "./git-repository.js";
export { requireTool } from "./require-tool.js";
export { schemaText } from "./schema-text.js";
export { type ScratchPostgres, startScratchPostgres } from "./scratch-postgres.js";
export { canHaveSmallDisk, type SmallDisk, smallDisk } from "./small-disk.js";
export { createTestDatabase, type TestDatabase } from "./test-database.js";
