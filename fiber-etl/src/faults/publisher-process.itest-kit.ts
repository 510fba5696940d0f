import { createLogger, loadConfig } from "#runtime";
import { etlConfigSchema } from "../etl-config.js";
import { createJetStreamLog } from "../jetstream-log/jetstream-log.js";
import { BASE_VARIABLE, batchOf, PUMPS } from "./publisher-batches.itest-kit.js";

// An API's ingest log in a process of its own, for the test that kills it: publishes without pause
// and tells its parent, batch by batch, what was acknowledged.
const config = loadConfig(etlConfigSchema, process.env);
const base = Number(process.env[BASE_VARIABLE]);
const log = createJetStreamLog({ config, log: createLogger({ role: "test", level: "silent" }) });
process.once("disconnect", () => process.exit(0));
await Promise.all(
  Array.from({ length: PUMPS }, async (_, pump) => {
    for (let round = 0; ; round++) {
      const batch = batchOf({ pump, round, base });
      const trace = { requestId: `r-${pump}`, traceId: `t-${round}` };
      while ((await log.append(batch, trace)).kind !== "stored") {
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      process.send?.({ pump, round });
    }
  }),
);
