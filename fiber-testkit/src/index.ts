export * from "./free-port.js";
export { type ScratchPostgres, startScratchPostgres } from "./scratch-postgres.js";
export { createTestDatabase, type TestDatabase } from "./test-database.js";
