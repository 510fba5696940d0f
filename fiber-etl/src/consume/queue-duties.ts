import type { Db } from "#db";
import { appliedFloor, mergeApplied, readApplied } from "#db";
import type { Clock, Logger } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import type { Queue } from "../queue/open-queue.js";
import type { Duty } from "../upkeep/run-duty.js";
import { trimStream } from "./trim-stream.js";

/** What the leader's duties on the stream work on. */
export interface QueueDutyTools {
  readonly queue: () => Queue | null;
  readonly db: Db;
  readonly config: EtlConfig;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the leading writer does for the stream: merges notes of what is applied, and trims. */
export function queueDuties(tools: QueueDutyTools): readonly Duty[] {
  const { queue, db, config, clock, log } = tools;
  return [
    {
      name: "applied messages",
      everyMs: 1_000,
      async work() {
        const present = queue();
        if (present !== null) await mergeApplied(db, present.streamId);
      },
    },
    {
      name: "stream retention",
      everyMs: 10_000,
      async work() {
        const present = queue();
        if (present === null) return;
        const floor = appliedFloor(await readApplied(db, present.streamId));
        const purged = await trimStream(present, { floor, config, nowMs: clock.now() });
        if (purged > 0) log.info({ messages: purged }, "applied messages left the stream");
      },
    },
  ];
}
