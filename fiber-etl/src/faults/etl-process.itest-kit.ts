import { createLogger, loadConfig } from "#runtime";
import { startEtl } from "../consume/start-etl.js";
import { etlConfigSchema } from "../etl-config.js";

// An ETL in a process of its own, for the tests that kill it.
const config = loadConfig(etlConfigSchema, process.env);
await startEtl({ config, log: createLogger({ role: "test", level: "silent" }) });
process.send?.("started");
process.once("disconnect", () => process.exit(0));
