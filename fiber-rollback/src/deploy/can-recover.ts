import { readServerFacts } from "#db";
import type { DataPorts } from "../ports.js";
import { onDatabase } from "../restore/restore-context.js";
import { archiveHealth } from "../schedule/archive-health.js";
import { listBases } from "../wal/base-manifest.js";

/**
 * Whether a restore point that is made now could be reached: the WAL archive works, and there is a
 * base backup of this very server. Otherwise a dump has to hold what a migration may destroy.
 */
export async function canRecover(ports: DataPorts): Promise<boolean> {
  const { light, systemIdentifier } = await onDatabase(ports, ports.database, async (session) => ({
    light: (await archiveHealth(session)).light,
    systemIdentifier: (await readServerFacts(session)).systemIdentifier,
  }));
  if (light !== "green") return false;
  const bases = await listBases(ports.stateDir);
  return bases.some((base) => base.manifest.systemIdentifier === systemIdentifier);
}
