import { rm, stat, unlink } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { linkTarget, moveLink, syncPath } from "../durable-files.js";
import type { DataPorts } from "../ports.js";
import { type BackupFound, listBackups } from "./list-backups.js";
import { globalsPathOf, manifestPathOf } from "./manifest.js";
import { dumpSuffix, isTimeName, tagLink } from "./places.js";
import { type PrunePlan, planPrune, type Retention } from "./plan-prune.js";

/** What a prune is told. */
export interface PruneRequest {
  /** Tags whose last proven backup stays whatever its age. */
  readonly goodReleases: readonly string[];
  readonly retention?: Retention;
  /** Only say what would go. */
  readonly dryRun: boolean;
}

/** What a prune did, or would do. */
export interface PruneResult extends PrunePlan {
  /** Bytes that the removed dumps took. */
  readonly freedBytes: number;
}

/**
 * Removes the backups that retention no longer keeps, with their manifests and roles. Dumps
 * without a usable manifest are nobody's to judge: they stay. A tag's link goes with its last dump
 * and otherwise points at the newest that is left.
 */
export async function pruneBackups(
  ports: Pick<DataPorts, "stateDir" | "log">,
  request: PruneRequest,
): Promise<PruneResult> {
  const all = await listBackups(ports.stateDir);
  const known = all.filter((one) => one.manifest !== null);
  const plan = planPrune(
    known.map((one) => ({
      id: one.path,
      tag: one.tag,
      createdMs: one.createdMs,
      proven: one.manifest?.provenAt != null,
      named: !isTimeName(one.path),
    })),
    request.goodReleases,
    request.retention,
  );
  const going = known.filter((one) => plan.remove.includes(one.path));
  const freedBytes = going.reduce((sum, one) => sum + one.sizeBytes, 0);
  if (!request.dryRun) {
    for (const backup of going) await removeBackup(ports, backup);
  }
  return { ...plan, freedBytes };
}

async function removeBackup(
  { stateDir, log }: Pick<DataPorts, "stateDir" | "log">,
  { path, tag }: BackupFound,
): Promise<void> {
  // The dump first: what a kill leaves then is a manifest without a dump, which nobody restores.
  await unlink(path);
  await rm(manifestPathOf(path), { force: true });
  await rm(globalsPathOf(path), { force: true });
  await syncPath(dirname(path));
  await mendLink(stateDir, tag, path.endsWith(dumpSuffix(true)));
  log.info({ path }, "backup removed by retention");
}

/** Points a tag's link at its newest dump that is left; without one the link goes. */
async function mendLink(stateDir: string, tag: string, encrypted: boolean): Promise<void> {
  const link = tagLink(stateDir, tag, encrypted);
  const target = await linkTarget(link);
  if (target === null || (await stat(link).catch(() => null)) !== null) return;
  const newest = (await listBackups(stateDir)).find(
    (one) => one.tag === tag && one.manifest !== null && one.path.endsWith(dumpSuffix(encrypted)),
  );
  if (newest === undefined) await unlink(link);
  else await moveLink(link, relative(dirname(link), newest.path));
}
