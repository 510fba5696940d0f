export * from "./free-port.js";
export * from "./git-repository.js";
export { createTestGpgKey, type TestGpgKey } from "./gpg-key.js";
export { type PostgresContainer, startPostgresContainer } from "./postgres-container.js";
export { refuseForeignContainers, requireDocker } from "./require-docker.js";
export { requireTool } from "./require-tool.js";
export {
  type Breakage,
  createSampleApp,
  type SampleApp,
  type SampleVersion,
} from "./sample-app.js";
export { schemaText } from "./schema-text.js";
export {
  canHaveScratchDocker,
  createScratchDocker,
  type ScratchDocker,
} from "./scratch-docker.js";
export { type ScratchPostgres, startScratchPostgres } from "./scratch-postgres.js";
export { canHaveSmallDisk, type SmallDisk, smallDisk } from "./small-disk.js";
export { createTestDatabase, type TestDatabase } from "./test-database.js";
