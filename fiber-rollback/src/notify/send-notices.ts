import { z } from "zod";
import type { Clock, Logger } from "#runtime";
import type { Notice } from "./message.js";
import { type Notifier, notifyWaySchema, type UnusableWay } from "./notifier.js";

/** How telling people went, by one way. */
export const notifyOutcomeSchema = z.object({
  way: notifyWaySchema,
  where: z.string(),
  /** `skipped`: not set up in the environment of whoever ran it. */
  state: z.enum(["sent", "failed", "skipped"]),
  attempts: z.int(),
  at: z.iso.datetime(),
  why: z.string().nullable(),
});

/** See {@link notifyOutcomeSchema}. */
export type NotifyOutcome = z.output<typeof notifyOutcomeSchema>;

/** Waits between attempts, ms. */
const BACKOFF_MS = [1_000, 4_000];
/** How long one attempt may take, ms. */
const ATTEMPT_MS = 10_000;

/**
 * Tells people by every way at once, each tried three times. Never throws: a run must not fail
 * because nobody could be told; what failed is in the outcomes and can be sent again.
 */
export async function sendNotice(
  notice: Notice,
  to: { readonly ways: readonly Notifier[]; readonly unusable: readonly UnusableWay[] },
  ports: { readonly clock: Clock; readonly log: Logger; readonly signal?: AbortSignal },
): Promise<readonly NotifyOutcome[]> {
  const skipped = to.unusable.map(({ way, where, why }) => ({
    way,
    where,
    why,
    state: "skipped" as const,
    attempts: 0,
    at: new Date(ports.clock.now()).toISOString(),
  }));
  const sent = await Promise.all(to.ways.map((one) => sendByOne(notice, one, ports)));
  return [...sent, ...skipped];
}

async function sendByOne(
  notice: Notice,
  { way, where, send }: Notifier,
  { clock, log, signal }: Parameters<typeof sendNotice>[2],
): Promise<NotifyOutcome> {
  const outcome = (state: NotifyOutcome["state"], attempts: number, why: string | null) => ({
    ...{ way, where, state, attempts, why },
    at: new Date(clock.now()).toISOString(),
  });
  for (let attempt = 1; ; attempt++) {
    const limit = AbortSignal.timeout(ATTEMPT_MS);
    try {
      await send(notice, signal === undefined ? limit : AbortSignal.any([signal, limit]));
      return outcome("sent", attempt, null);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      log.warn({ way, attempt, why }, "a notice was not delivered");
      const waitMs = BACKOFF_MS[attempt - 1];
      if (waitMs === undefined || signal?.aborted) return outcome("failed", attempt, why);
      await clock.sleep(waitMs, signal);
    }
  }
}
