import { type Clock, type Logger, type Running, systemClock } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import { startUpkeep } from "../upkeep/start-upkeep.js";
import { queueDuties } from "./queue-duties.js";
import { type RunningConsumer, startConsumer } from "./start-consumer.js";

/** What {@link startEtl} needs. */
export interface EtlOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Starts one ETL process's work: it takes samples from the stream into PostgreSQL, beside any
 * number of others, and takes part in the election of the one that keeps database and stream in
 * order. Waits for both by itself.
 */
export async function startEtl({
  config,
  log,
  clock = systemClock,
}: EtlOptions): Promise<Running & Pick<RunningConsumer, "counts">> {
  const consumer = startConsumer({ config, log, clock });
  const upkeep = await startUpkeep({
    config,
    log,
    clock,
    moreDuties: (db) => queueDuties({ queue: () => consumer.queue(), db, config, clock, log }),
  });
  return {
    counts: () => consumer.counts(),
    async stop() {
      await consumer.stop();
      await upkeep.stop();
    },
  };
}
