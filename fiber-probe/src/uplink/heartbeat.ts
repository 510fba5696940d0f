import type { Heartbeat } from "#contracts";
import type { Clock, Logger } from "#runtime";
import type { JsonPoster } from "./post-json.js";
import { backoffMs } from "./retry.js";
import type { UplinkChoice } from "./uplink-choice.js";

/** Tells an uplink regularly how the probe is. */
export interface HeartbeatLoop {
  /** Resolves after the first attempt, whatever came of it. */
  readonly first: Promise<void>;
  /** Beats now instead of at the next turn. */
  beatNow(): void;
  stop(): Promise<void>;
}

/** A heartbeat is sent at start and every 30 s. */
export const HEARTBEAT_INTERVAL_MS = 30_000;
const RETRY = { baseMs: 1_000, capMs: 15_000 };

/** Starts the loop. A heartbeat that fails is not kept: the next one says more. */
export function startHeartbeats(deps: {
  readonly describe: () => Promise<Heartbeat>;
  readonly choice: UplinkChoice;
  readonly poster: JsonPoster;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}): HeartbeatLoop {
  const { describe, choice, poster, clock, log, random } = deps;
  const stopped = new AbortController();
  let bell = new AbortController();
  let failures = 0;
  let lastReason: string | null = null;

  const beat = async () => {
    const chosen = choice.current();
    if ("waitMs" in chosen) {
      failures++;
      return;
    }
    const { uplink } = chosen;
    const body = JSON.stringify(await describe());
    const options = { token: uplink.token, body, signal: stopped.signal };
    const result = await poster.post(`${uplink.url}/api/probe/heartbeat`, options);
    if (stopped.signal.aborted) return;
    const accepted = result.kind === "answered" && result.status >= 200 && result.status < 300;
    failures = accepted ? 0 : failures + 1;
    const reason = accepted
      ? null
      : result.kind === "answered"
        ? `answered ${result.status}`
        : result.reason;
    if (reason === lastReason) return;
    lastReason = reason;
    if (reason === null) log.info({ url: uplink.url }, "heartbeat taken");
    else log.warn({ url: uplink.url, reason }, "heartbeat failed");
  };

  const first = beat();
  const run = async () => {
    await first;
    while (!stopped.signal.aborted) {
      const waitMs =
        failures === 0 ? HEARTBEAT_INTERVAL_MS : 500 + backoffMs(RETRY, failures, random);
      bell = new AbortController();
      await clock.sleep(waitMs, bell.signal);
      if (!stopped.signal.aborted) await beat();
    }
  };
  const running = run().catch((err: unknown) => {
    log.fatal({ err }, "heartbeats ended by a defect");
  });

  return {
    first: first.catch(() => undefined),
    beatNow: () => bell.abort(),
    async stop() {
      stopped.abort();
      bell.abort();
      await running;
    },
  };
}
