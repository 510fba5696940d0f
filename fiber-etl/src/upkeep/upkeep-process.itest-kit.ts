import { createLogger, loadConfig } from "#runtime";
import { etlConfigSchema } from "../etl-config.js";
import { startUpkeep } from "./start-upkeep.js";

// An upkeep in a process of its own, for the test that kills it.
const config = loadConfig(etlConfigSchema, process.env);
await startUpkeep({ config, log: createLogger({ role: "test", level: "silent" }) });
process.send?.("started");
process.once("disconnect", () => process.exit(0));
