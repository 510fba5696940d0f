import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { RunSummary, RunView } from "#contracts";
import { readinessQuery, runQuery, runsQuery } from "./queries.js";

/**
 * Follows the runs while the component is mounted, past the API, so that a rollback of that very
 * API is seen to its end. Returns whether the stream is open; it opens itself again.
 */
export function useRunsLive(): boolean {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const stream = new EventSource("/api/runs/live");
    stream.addEventListener("hello", () => {
      setOpen(true);
      // Whatever happened while nobody listened is read again.
      void client.invalidateQueries({ queryKey: runsQuery.queryKey });
    });
    stream.addEventListener("run", (event) => {
      applyRun(client, JSON.parse((event as MessageEvent<string>).data) as RunView);
    });
    stream.addEventListener("error", () => setOpen(false));
    return () => stream.close();
  }, [client]);
  return open;
}

/** Puts a run that came further into the caches: its own, and its line in the list. */
function applyRun(client: QueryClient, run: RunView): void {
  const before = client.getQueryData(runQuery(run.id).queryKey);
  client.setQueryData(runQuery(run.id).queryKey, run);
  client.setQueryData(runsQuery.queryKey, (runs: RunSummary[] | undefined) => {
    if (runs === undefined) return runs;
    const known = runs.some((one) => one.id === run.id);
    return known ? runs.map((one) => (one.id === run.id ? run : one)) : [run, ...runs];
  });
  if (before !== undefined && before.state !== run.state) {
    void client.invalidateQueries({ queryKey: readinessQuery.queryKey });
  }
}
