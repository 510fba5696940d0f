import { etlConfigSchema, startEtl } from "#etl";
import { createLogger, loadConfig } from "#runtime";

/** What a writer tells its parent. */
export interface EtlReport {
  /** Samples since its start. */
  readonly stored: number;
  readonly rssBytes: number;
}

// `fiber etl` in a process of its own.
const TELL_MS = 20;

const log = createLogger({ role: "bench", level: "warn" });
const etl = await startEtl({ config: loadConfig(etlConfigSchema, process.env), log });
let told = -1;
const telling = setInterval(() => {
  const { stored } = etl.counts();
  if (stored === told) return;
  told = stored;
  const report: EtlReport = { stored, rssBytes: process.memoryUsage.rss() };
  process.send?.(report);
}, TELL_MS);
process.once("disconnect", async () => {
  clearInterval(telling);
  await etl.stop();
  process.exit(0);
});
