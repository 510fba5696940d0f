import { etlConfigSchema, startEtl } from "#etl";
import { createLogger, loadConfig } from "#runtime";

/** `fiber etl` in a process of its own; tells its parent how many samples it has stored. */
const TELL_MS = 20;

const log = createLogger({ role: "bench", level: "warn" });
const etl = await startEtl({ config: loadConfig(etlConfigSchema, process.env), log });
let told = -1;
const telling = setInterval(() => {
  const { stored } = etl.counts();
  if (stored === told) return;
  told = stored;
  process.send?.({ stored, rssBytes: process.memoryUsage.rss() });
}, TELL_MS);
process.once("disconnect", async () => {
  clearInterval(telling);
  await etl.stop();
  process.exit(0);
});
