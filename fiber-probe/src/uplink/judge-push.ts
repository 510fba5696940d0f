import { errorBodySchema, pushAcceptedSchema, type RejectedSample } from "#contracts";
import type { PostResult } from "./post-json.js";

/** What to do after a push. */
export type PushVerdict =
  | {
      /** Durable at the uplink, save for those refused for good. */
      readonly kind: "accepted";
      readonly rejected: readonly RejectedSample[];
    }
  | {
      /** Nothing of the batch is usable, ever: log it and go on. */
      readonly kind: "refused";
      readonly reason: string;
      readonly rejected: readonly RejectedSample[];
    }
  | {
      /** The batch as a whole is refused; parts of it may pass. */
      readonly kind: "split";
      readonly reason: string;
    }
  | {
      /** The data is kept; trouble passes by itself, a refusal needs a person. */
      readonly kind: "later";
      readonly cause: "trouble" | "refusal";
      readonly reason: string;
      readonly retryAfter: string | undefined;
    };

/** Decides by status and body. Only a 202 of the documented shape counts as accepted. */
export function judgePush(result: PostResult): PushVerdict {
  if (result.kind === "unreachable") {
    return { kind: "later", cause: "trouble", reason: result.reason, retryAfter: undefined };
  }
  const { status, retryAfter } = result;
  if (status === 202) {
    const accepted = pushAcceptedSchema.safeParse(result.body);
    if (accepted.success) return { kind: "accepted", rejected: accepted.data.rejected ?? [] };
  }
  const error = errorBodySchema.safeParse(result.body);
  const reason = error.success
    ? `${status} ${error.data.code}: ${error.data.message}`.slice(0, 500)
    : `${status} without the API's own words (another server may be answering)`;
  const later = (cause: "trouble" | "refusal") =>
    ({ kind: "later", cause, reason, retryAfter }) as const;

  if (status === 413) return { kind: "split", reason };
  if (status === 429 || status >= 500) return later("trouble");
  // A batch that the API itself calls unusable; anything else of 400 may come from a stranger.
  if (status === 400 && error.success) {
    const rejected = error.data.rejected ?? [];
    return rejected.length > 0 || error.data.code === "MALFORMED_BATCH"
      ? { kind: "refused", reason, rejected }
      : { kind: "split", reason };
  }
  if (status >= 400) return later("refusal");
  return later("trouble");
}
