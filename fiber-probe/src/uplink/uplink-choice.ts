import type { Logger } from "#runtime";
import type { UplinkConfig } from "../config/build-config.js";
import { backoffMs, parseRetryAfter, REFUSAL, TROUBLE } from "./retry.js";

/** Which uplink to use now: the first in order of preference that is not waiting. */
export interface UplinkChoice {
  /** The uplink, or how many ms until the next may be tried. */
  current(): { readonly uplink: UplinkConfig } | { readonly waitMs: number };
  succeeded(uplink: UplinkConfig): void;
  /** Makes an uplink wait, and says so once per change. */
  failed(uplink: UplinkConfig, failure: UplinkFailure): void;
  /** Takes another list, and forgets failures: whoever asks for it has mended something. */
  replace(uplinks: readonly UplinkConfig[]): void;
}

/** Why an uplink did not take what it was sent. */
interface UplinkFailure {
  readonly cause: "trouble" | "refusal";
  readonly reason: string;
  readonly retryAfter?: string | undefined;
}

interface Health {
  failures: number;
  /** Of performance.now(). */
  waitUntilMs: number;
  lastReason: string | null;
}

/** See {@link UplinkChoice}. */
export function createUplinkChoice(
  initial: readonly UplinkConfig[],
  deps: {
    readonly log: Logger;
    readonly now: () => number;
    readonly random: () => number;
  },
): UplinkChoice {
  const { log, now, random } = deps;
  let uplinks = initial;
  let lastUsed: string | null = null;
  const health = new Map<string, Health>();
  const keyOf = (uplink: UplinkConfig) => `${uplink.url} ${uplink.token}`;
  const healthOf = (uplink: UplinkConfig): Health => {
    const known = health.get(keyOf(uplink));
    if (known !== undefined) return known;
    const fresh = { failures: 0, waitUntilMs: 0, lastReason: null };
    health.set(keyOf(uplink), fresh);
    return fresh;
  };

  return {
    current() {
      const nowMs = performance.now();
      const free = uplinks.find((uplink) => healthOf(uplink).waitUntilMs <= nowMs);
      if (free !== undefined) return { uplink: free };
      const soonest = Math.min(...uplinks.map((uplink) => healthOf(uplink).waitUntilMs));
      return { waitMs: Math.max(1, soonest - nowMs) };
    },
    succeeded(uplink) {
      const state = healthOf(uplink);
      if (state.failures > 0 || (lastUsed !== null && lastUsed !== uplink.url)) {
        log.info({ url: uplink.url }, "uplink takes samples");
      }
      lastUsed = uplink.url;
      health.set(keyOf(uplink), { failures: 0, waitUntilMs: 0, lastReason: null });
    },
    failed(uplink, { cause, reason, retryAfter }) {
      const state = healthOf(uplink);
      state.failures++;
      const asked = parseRetryAfter(retryAfter, now());
      const waitMs =
        asked ??
        (cause === "refusal"
          ? backoffMs(REFUSAL, state.failures, random, 0.5)
          : backoffMs(TROUBLE, state.failures, random));
      state.waitUntilMs = performance.now() + waitMs;
      if (state.lastReason === reason) return;
      state.lastReason = reason;
      const fields = { url: uplink.url, reason, retryInMs: Math.round(waitMs) };
      if (cause === "trouble") log.warn(fields, "uplink failed; samples are kept");
      else {
        log.error(
          { ...fields, variable: uplink.tokenEnv },
          "uplink refuses this probe; samples are kept: mend its token, node or address",
        );
      }
    },
    replace(next) {
      uplinks = next;
      health.clear();
    },
  };
}
