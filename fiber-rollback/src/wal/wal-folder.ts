import { chown, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { serverOwner } from "#db";
import { type Logger, makeStateFolder } from "#runtime";
import { writeDurably } from "../durable-files.js";
import { ARCHIVE_SCRIPT, scriptCommand } from "./archive-script.js";

/** `<state>/wal`: archive script, archive, restore points. */
export function walFolder(stateDir: string): string {
  return join(stateDir, "wal");
}

/** Where segments are archived to, unless a server archives elsewhere (FIBER_WAL_ARCHIVE). */
export function archiveFolder(stateDir: string): string {
  return process.env.FIBER_WAL_ARCHIVE || join(walFolder(stateDir), "archive");
}

/**
 * Makes the archive's folder, the server's own, and its script, and says which settings make the
 * embedded server archive. A segment is closed after five minutes at the latest, so that no more
 * than that is lost with the server's disk.
 */
export async function prepareWalArchive(
  stateDir: string,
  log: Logger,
): Promise<Readonly<Record<string, string>>> {
  makeStateFolder(stateDir);
  const folder = walFolder(stateDir);
  const archive = archiveFolder(stateDir);
  const script = join(folder, "archive-wal.sh");
  const owner = await serverOwner(join(stateDir, "postgres", "data"), log);
  await mkdir(archive, { recursive: true, mode: 0o700 });
  await writeDurably(script, ARCHIVE_SCRIPT);
  if (owner.switched) {
    for (const path of [folder, archive, script]) await chown(path, owner.uid, owner.gid);
  }
  return {
    wal_level: "replica",
    archive_mode: "on",
    archive_timeout: "300",
    archive_command: scriptCommand(script, "%p", "%f", archive),
  };
}

/** A segment's name without the suffix of its packed form. */
export function segmentName(file: string): string | null {
  return /^([0-9A-F]{24})(\.gz)?$/.exec(file)?.[1] ?? null;
}

/** Names of the archived segments, oldest first. */
export async function archivedSegments(archive: string): Promise<readonly string[]> {
  const files = await readdir(archive).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw cause;
  });
  return [...new Set(files.flatMap((file) => segmentName(file) ?? []))].sort();
}
