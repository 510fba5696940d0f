import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { applyLiveEvent } from "./live-cache.js";
import { holdLiveConnection } from "./live-connection.js";
import { shareLive } from "./live-sharing.js";
import { type LiveStatus, liveStatus } from "./live-status.js";

/** Keeps the caches live while the component is mounted. Used once, by the shell. */
export function useLive(): void {
  const client = useQueryClient();
  useEffect(() => {
    const end = new AbortController();
    const listener = {
      event: (event: Parameters<typeof applyLiveEvent>[1]) => {
        liveStatus.heard();
        applyLiveEvent(client, event);
      },
      phase: liveStatus.enter,
    };
    shareLive(holdLiveConnection, listener, end.signal);
    return () => end.abort();
  }, [client]);
}

/** The live stream's state, for the live mark. */
export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(liveStatus.subscribe, liveStatus.get);
}
