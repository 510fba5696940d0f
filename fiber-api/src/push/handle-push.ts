import type { IngestLog, IngestTrace } from "#contracts";
import { RETENTION_DAYS } from "#db";
import type { Clock, Logger } from "#runtime";
import type { ErrorAnswer } from "../answer-error.js";
import { readPush } from "./read-push.js";
import { storePush } from "./store-push.js";

/** What a push comes to: the text of a 202 and how many samples are durable, or why none is. */
export type PushAnswer =
  | { readonly kind: "accepted"; readonly queued: number; readonly text: string }
  | { readonly kind: "refused"; readonly answer: ErrorAnswer };

/** Judges and stores the parsed body of a push; `ownNodeId` is the only node a probe may speak for. */
export type PushHandler = (
  body: unknown,
  ownNodeId: string | null,
  trace: IngestTrace,
) => Promise<PushAnswer>;

const RAW_RETENTION_MS = RETENTION_DAYS.raw * 86_400_000;

/** Makes the handler. The hot path: no zod, one pass, an answer that is put together as text. */
export function createPushHandler(deps: {
  readonly ingestLog: IngestLog;
  readonly clock: Clock;
  readonly log: Logger;
}): PushHandler {
  const { ingestLog, clock, log } = deps;
  return async (body, ownNodeId, trace) => {
    const limits = { nowMs: clock.now(), rawRetentionMs: RAW_RETENTION_MS, ownNodeId };
    const outcome = await storePush(ingestLog, readPush(body, limits), trace);
    if (outcome.kind === "refused") return outcome;
    const { queued, rejected } = outcome;
    if (rejected.length === 0) {
      return {
        kind: "accepted",
        queued,
        text: `{"status":"accepted","data":{"queued":${queued}}}`,
      };
    }
    log.info({ ...trace, queued, rejected: rejected.length }, "push stored in part");
    const text = JSON.stringify({ status: "accepted", data: { queued }, rejected });
    return { kind: "accepted", queued, text };
  };
}
