import { PUSH_LIMITS } from "#contracts";
import type { Clock, Logger } from "#runtime";
import type { UplinkConfig } from "../config/build-config.js";
import type { Spool, SpoolBatch } from "../spool/spool.js";
import { judgePush } from "./judge-push.js";
import type { JsonPoster } from "./post-json.js";
import type { UplinkChoice } from "./uplink-choice.js";

/** Empties the spool towards the uplinks, one batch at a time. */
export interface Sender {
  /** Says that there may be something to send, or an uplink to try again. */
  wake(): void;
  /** Lets the batch in flight end (5 s at most), then stops. */
  stop(): Promise<void>;
}

/** Least time between two pushes that do not fill a batch: the API takes 100 a minute. */
const GATHER_MS = 1_000;
/** Room for brackets and commas beside the records. */
const MAX_BATCH_BYTES = PUSH_LIMITS.bodyBytes - 64 * 1_024;
const STOP_GRACE_MS = 5_000;
/** Refused samples that are logged one by one, per batch. */
const LOGGED_REJECTIONS = 10;

interface SenderDeps {
  readonly spool: Spool;
  readonly choice: UplinkChoice;
  readonly poster: JsonPoster;
  readonly clock: Clock;
  readonly log: Logger;
  /** Nothing is sent before this resolves. */
  readonly after: Promise<void>;
}

/** Starts sending. See {@link Sender}. */
export function startSender(deps: SenderDeps): Sender {
  const { spool, choice, clock, log } = deps;
  const stopped = new AbortController();
  const flight = new AbortController();
  let bell = new AbortController();
  let maxRecords: number = PUSH_LIMITS.samples;

  const rest = (ms: number) => {
    bell = new AbortController();
    return clock.sleep(ms, bell.signal);
  };
  const pause = (ms: number) => clock.sleep(ms, stopped.signal);

  const run = async () => {
    await deps.after;
    while (!stopped.signal.aborted) {
      const batch = spool.peek({ maxRecords, maxBytes: MAX_BATCH_BYTES });
      if (batch === null) {
        await rest(60_000);
        continue;
      }
      const chosen = choice.current();
      if ("waitMs" in chosen) {
        await rest(chosen.waitMs);
        continue;
      }
      const { uplink } = chosen;
      const pushed = await pushBatch(deps, { uplink, batch, maxRecords, signal: flight.signal });
      maxRecords = pushed.maxRecords;
      // After a failure the next uplink is tried at once: its turn must not pass while we gather.
      if (pushed.settled && spool.counts().samples < maxRecords) await pause(GATHER_MS);
    }
  };
  const running = run().catch((err: unknown) => {
    log.fatal({ err }, "sending ended by a defect; samples stay in the spool");
  });

  return {
    wake: () => bell.abort(),
    async stop() {
      stopped.abort();
      bell.abort();
      const grace = setTimeout(() => flight.abort(), STOP_GRACE_MS);
      await running;
      clearTimeout(grace);
    },
  };
}

interface Push {
  readonly uplink: UplinkConfig;
  readonly batch: SpoolBatch;
  /** How many records the batch was allowed to have. */
  readonly maxRecords: number;
  readonly signal: AbortSignal;
}

/** Sends one batch, and settles it when the uplink has said what becomes of it. */
async function pushBatch(
  { spool, choice, poster, log }: SenderDeps,
  { uplink, batch, maxRecords, signal }: Push,
): Promise<{ readonly settled: boolean; readonly maxRecords: number }> {
  // After a batch that was too large its size grows back step by step.
  const grown = Math.min(PUSH_LIMITS.samples, 2 * maxRecords);
  const body = `[${batch.records.join(",")}]`;
  const result = await poster.post(`${uplink.url}/api/push`, { token: uplink.token, body, signal });
  const verdict = judgePush(result);
  const size = batch.records.length;
  switch (verdict.kind) {
    case "accepted":
    case "refused": {
      if (verdict.kind === "refused") log.error({ reason: verdict.reason, size }, "batch refused");
      for (const { index, code, message } of verdict.rejected.slice(0, LOGGED_REJECTIONS)) {
        log.error({ code, message, sample: batch.records[index] }, "sample refused and dropped");
      }
      if (verdict.rejected.length > LOGGED_REJECTIONS) {
        log.error({ refused: verdict.rejected.length, size }, "more samples refused and dropped");
      }
      spool.ack(batch);
      choice.succeeded(uplink);
      return { settled: true, maxRecords: grown };
    }
    case "split": {
      if (size > 1) return { settled: false, maxRecords: Math.ceil(size / 2) };
      log.error({ reason: verdict.reason, sample: batch.records[0] }, "sample refused and dropped");
      spool.ack(batch);
      return { settled: true, maxRecords: grown };
    }
    case "later":
      if (!signal.aborted) choice.failed(uplink, verdict);
      return { settled: false, maxRecords };
  }
}
