import type { AppendOutcome, IngestLog, IngestTrace, RejectedSample } from "#contracts";
import type { ErrorAnswer } from "../answer-error.js";
import type { ReadPush } from "./read-push.js";

/** What became of a push: how many samples are durable, and why the others are not. */
export type PushOutcome =
  | {
      readonly kind: "accepted";
      readonly queued: number;
      readonly rejected: readonly RejectedSample[];
    }
  | { readonly kind: "refused"; readonly answer: ErrorAnswer };

/**
 * Appends what a push holds. Samples of a deleted node are taken out and refused by index, so that
 * the others are stored.
 */
export async function storePush(
  log: IngestLog,
  push: ReadPush,
  trace: IngestTrace,
): Promise<PushOutcome> {
  let { samples, indices } = push;
  const rejected = push.rejected;
  while (samples.length > 0) {
    const outcome = await log.append(samples, trace);
    if (outcome.kind === "stored") return { kind: "accepted", queued: samples.length, rejected };
    if (outcome.kind === "refused") return { kind: "refused", answer: refusal(outcome) };
    const deleted = outcome.nodeId;
    const kept = samples.flatMap((sample, i) => (sample.nodeId === deleted ? [] : [i]));
    if (kept.length === samples.length) {
      throw new Error(`The ingest log refused node ${deleted}, which this push does not name`);
    }
    const [all, places] = [samples, indices];
    for (let i = 0; i < all.length; i++) {
      if (all[i]?.nodeId === deleted) rejected.push(nodeDeleted(places[i] ?? i, deleted));
    }
    samples = kept.flatMap((i) => all[i] ?? []);
    indices = kept.flatMap((i) => places[i] ?? []);
  }
  return { kind: "refused", answer: nothingUsable(rejected) };
}

function refusal(outcome: AppendOutcome & { kind: "refused" }): ErrorAnswer {
  return { code: outcome.code, message: outcome.message, retryAfterS: outcome.retryAfterS };
}

function nodeDeleted(index: number, nodeId: string): RejectedSample {
  return { index, code: "NODE_DELETED", message: `Node ${nodeId} was deleted; register it anew` };
}

/** One cause for all samples is the answer's own code; else the batch as a whole is malformed. */
function nothingUsable(rejected: RejectedSample[]): ErrorAnswer {
  rejected.sort((a, b) => a.index - b.index);
  for (const code of ["NODE_MISMATCH", "NODE_DELETED"] as const) {
    if (rejected.length > 0 && rejected.every((r) => r.code === code)) {
      return { code, message: rejected[0]?.message ?? code, rejected };
    }
  }
  return {
    code: "MALFORMED_BATCH",
    message:
      rejected.length === 0
        ? "The push holds no sample"
        : `No sample of the push can be stored; the first: ${rejected[0]?.message}`,
    rejected,
  };
}
