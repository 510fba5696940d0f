import type { LiveEvent, LiveEventName } from "#contracts";
import { readErrorAnswer } from "./api-error.js";
import { createEventStreamParser } from "./event-stream.js";
import type { LivePhase } from "./live-status.js";

const PATH = "/api/live";
/** Three missed heartbeats of 15 s: the line is dead although nobody closed it. */
const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

const NAMES: Readonly<Record<LiveEventName, true>> = {
  hello: true,
  samples: true,
  nodes: true,
  posture: true,
};

/** What a live connection reports. */
export interface LiveListener {
  readonly event: (event: LiveEvent) => void;
  readonly phase: (phase: LivePhase) => void;
}

/**
 * Holds the live stream open until the signal ends it, reconnecting with growing, jittered waits.
 * Read by fetch instead of EventSource, which hides heartbeats and the reason of a refusal.
 */
export async function holdLiveConnection(
  listener: LiveListener,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const outcome = await readStream(listener, signal);
    if (signal.aborted) return;
    listener.phase(outcome.refused ? "refused" : "reconnecting");
    failures = outcome.delivered ? 0 : failures + 1;
    await pause(waitMs(failures, outcome.retryAfterS, Math.random()), signal);
  }
}

/** Full jitter below a doubling bound; a server's Retry-After is the least wait. */
export function waitMs(failures: number, retryAfterS: number | undefined, chance: number): number {
  const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return Math.max((retryAfterS ?? 0) * 1_000, FIRST_WAIT_MS / 2, chance * bound);
}

interface StreamOutcome {
  readonly delivered: boolean;
  readonly refused: boolean;
  readonly retryAfterS?: number | undefined;
}

async function readStream(listener: LiveListener, signal: AbortSignal): Promise<StreamOutcome> {
  const silence = new AbortController();
  let watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
  let delivered = false;
  try {
    const response = await fetch(PATH, {
      headers: { accept: "text/event-stream" },
      signal: AbortSignal.any([signal, silence.signal]),
      cache: "no-store",
    });
    if (!response.ok || response.body === null) {
      const { status, retryAfterS } = await readErrorAnswer(response, PATH);
      return { delivered, refused: status === 401 || status === 403, retryAfterS };
    }
    const parse = createEventStreamParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { delivered, refused: false };
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
      for (const { event, data } of parse(value)) {
        if (!isLiveEventName(event)) continue;
        if (!delivered) listener.phase("live");
        delivered = true;
        listener.event({ event, data: JSON.parse(data) } as LiveEvent);
      }
    }
  } catch {
    // A broken line is what reconnecting is for; the live mark tells of it.
    return { delivered, refused: false };
  } finally {
    clearTimeout(watchdog);
  }
}

function isLiveEventName(name: string): name is LiveEventName {
  return Object.hasOwn(NAMES, name);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    window.addEventListener("online", done, { once: true });
  });
}
