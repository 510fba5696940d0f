import { endLockHolders, type Session } from "#db";
import type { DataPorts } from "../ports.js";
import { onDatabase } from "./restore-context.js";

/** Ends the sessions that keep the fence from being raised; returns them in words. */
export async function endFenceBlockers(
  control: Session,
  ports: DataPorts,
  database: string,
): Promise<readonly string[]> {
  const ended = await onDatabase(ports, database, (inside) =>
    endLockHolders(control, inside, "ingest_fence"),
  );
  return ended.map(
    (one) => `${one.pid} (${one.name || one.user}, in a transaction since ${one.since})`,
  );
}
