/** How the live stream is doing, in this tab or in the one that holds it. */
export type LivePhase = "connecting" | "live" | "reconnecting" | "refused";

/** What the live mark shows; `heardMs` is when the API last told us something (epoch ms). */
export interface LiveStatus {
  readonly phase: LivePhase;
  readonly heardMs: number | null;
}

/** A small store for React's useSyncExternalStore. */
function createLiveStatus(now: () => number) {
  let status: LiveStatus = { phase: "connecting", heardMs: null };
  const listeners = new Set<() => void>();
  const set = (next: LiveStatus) => {
    status = next;
    for (const listener of listeners) listener();
  };
  return {
    get: (): LiveStatus => status,
    subscribe: (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Something came from the API. */
    heard: () => set({ ...status, heardMs: now() }),
    enter: (phase: LivePhase) => {
      if (phase !== status.phase) set({ ...status, phase });
    },
  };
}

/** This tab's live status. */
export const liveStatus = createLiveStatus(() => Date.now());
