import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { createBackup } from "../backup/create-backup.js";
import { listBackups } from "../backup/list-backups.js";
import type { Step } from "../engine/step.js";
import { urlOfDatabase } from "../pg-tools.js";
import { type RecoveryRequest, recoverToScratch } from "../wal/recover-to-scratch.js";
import { titleOf } from "./beside-step.js";
import type { RestoreContext } from "./restore-context.js";

/** The recovered data's dump lies in the run's own folder, under this tag. */
const TAG = "recovered";

/**
 * Recovers the server to a point on a scratch instance and takes a dump with its manifest of it, so
 * that what follows is the same as with any dump.
 */
export function recoverStep({ plan, ports, folder }: RestoreContext): Step {
  const find = async () => (await listBackups(folder)).find((one) => one.manifest !== null) ?? null;
  return {
    id: "recover",
    title: titleOf(plan, "recover"),
    kind: "reversible",
    lasting: true,
    async check() {
      const found = await find();
      return found === null ? { state: "needed" } : { state: "done", detail: { path: found.path } };
    },
    async run() {
      const recovered = await recoverToScratch(ports, requestOf(plan));
      try {
        const admin = urlOfDatabase(recovered.databaseUrl, "postgres");
        const { path, manifest } = await createBackup(
          { ...ports, admin, stateDir: folder },
          { tag: TAG },
        );
        return { path, base: recovered.base, migrationHead: manifest.migrationHead };
      } finally {
        await recovered.stop();
      }
    },
    async verify() {
      if ((await find()) !== null) return;
      throw new FiberError("RECOVERY_FAILED", "The recovery left no complete dump. Try again.");
    },
    undo: () => removeRecovered(folder),
  };
}

/** Removes the dump that a recovery took, once it is not needed any more. */
export async function removeRecovered(folder: string): Promise<void> {
  await rm(join(folder, "backups"), { recursive: true, force: true });
}

function requestOf({ source }: RestoreContext["plan"]): RecoveryRequest {
  if (source.kind === "recovery" && source.point !== null) return { toPoint: source.point };
  if (source.kind === "recovery" && source.time !== null) return { toTime: new Date(source.time) };
  throw new FiberError("USAGE", "A recovery needs a restore point or a time.");
}
