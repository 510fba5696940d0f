import type { LiveEvent } from "#contracts";
import type { LiveListener } from "./live-connection.js";
import type { LivePhase } from "./live-status.js";

const NAME = "fiber-live";

type Message =
  | { readonly kind: "event"; readonly event: LiveEvent }
  | { readonly kind: "phase"; readonly phase: LivePhase }
  | { readonly kind: "ask" };

/**
 * Shares one live stream among all tabs: whoever holds the lock reads it and tells the others,
 * because a browser allows only six connections an origin on HTTP/1.1. Without locks (a page on
 * plain HTTP that is not localhost) each tab reads for itself. Ends with the signal.
 */
export function shareLive(
  hold: (listener: LiveListener, signal: AbortSignal) => Promise<void>,
  listener: LiveListener,
  signal: AbortSignal,
): void {
  const locks = "locks" in navigator ? navigator.locks : null;
  if (locks === null || typeof BroadcastChannel === "undefined") {
    void hold(listener, signal);
    return;
  }
  const channel = new BroadcastChannel(NAME);
  const tell = (message: Message) => channel.postMessage(message);
  let leading = false;
  let phase: LivePhase = "connecting";
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === "ask" && leading) tell({ kind: "phase", phase });
    if (data.kind === "event") listener.event(data.event);
    if (data.kind === "phase") listener.phase(data.phase);
  };
  signal.addEventListener("abort", () => channel.close(), { once: true });
  tell({ kind: "ask" });
  const lead = async () => {
    leading = true;
    await hold(
      {
        event: (event) => {
          tell({ kind: "event", event });
          listener.event(event);
        },
        phase: (next) => {
          phase = next;
          tell({ kind: "phase", phase });
          listener.phase(phase);
        },
      },
      signal,
    );
  };
  // Aborting while it waits for the lock rejects, which is the wanted end.
  locks.request(NAME, { signal }, lead).catch((err: unknown) => {
    if (!signal.aborted) throw err;
  });
}
