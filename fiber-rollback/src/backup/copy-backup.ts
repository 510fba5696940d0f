import { constants } from "node:fs";
import { access, copyFile, mkdir, readFile, rm, stat } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { FiberError } from "#contracts";
import { mustRun } from "#runtime";
import {
  removeUnfinished,
  renameDurably,
  syncPath,
  unfinishedName,
  writeDurably,
} from "../durable-files.js";
import type { DataPorts } from "../ports.js";
import { diskFull } from "../run-tool.js";
import { refuseShortDisk } from "./disk-space.js";
import { hashFile } from "./dump-to-file.js";
import { type BackupFound, listBackups } from "./list-backups.js";
import { globalsPathOf, manifestPathOf } from "./manifest.js";
import { backupsFolder } from "./places.js";

/** Where a backup was copied to. */
export interface CopyResult {
  readonly path: string;
  /** The folder or the command, as configured. */
  readonly destination: string;
  /** Files that now lie there; those that lay there already, equal, are counted too. */
  readonly files: readonly string[];
}

const COMMAND_TIMEOUT_MS = 6 * 3_600_000;

/**
 * Copies a backup (dump, manifest, roles) to another place: into an absolute folder, below the
 * release's name, compared by checksum after it was synced; or by a command that is run once a
 * file with `FIBER_BACKUP_FILE` and `FIBER_BACKUP_NAME` (`<tag>/<file>`) in its environment. The
 * manifest goes last, so that a copy with a manifest is whole.
 *
 * @param destination `backup.copy_to`: a folder, or else a command for `sh -c`
 * @throws FiberError COPY_FAILED, DISK_SHORT, DISK_FULL, COMMAND_FAILED
 */
export async function copyBackup(
  ports: Pick<DataPorts, "stateDir" | "log" | "clock">,
  backup: BackupFound,
  destination: string,
): Promise<CopyResult> {
  if (backup.manifest === null) {
    throw new FiberError(
      "COPY_FAILED",
      `${backup.path} has no usable manifest (${backup.problem}), so a copy of it would prove nothing.`,
    );
  }
  const files = [backup.path, globalsPathOf(backup.path), manifestPathOf(backup.path)];
  const present: string[] = [];
  for (const file of files) if (await readable(file)) present.push(file);
  if (isAbsolute(destination) && !/\s/.test(destination)) {
    await copyToFolder(backup, present, destination);
  } else {
    for (const file of present) await copyByCommand(backup.tag, file, destination);
  }
  await noteCopy(ports, backup, destination);
  ports.log.info({ path: backup.path, destination }, "backup copied");
  return { path: backup.path, destination, files: present };
}

/** When and of which backup the last copy was made; null when there was none. */
export async function lastCopy(stateDir: string): Promise<{
  readonly path: string;
  readonly createdMs: number;
  readonly copiedMs: number;
} | null> {
  const text = await readFile(noteFile(stateDir), "utf8").catch(() => null);
  return text === null ? null : JSON.parse(text);
}

/** The newest complete backup that was not copied yet, or null. */
export async function newestUncopied(stateDir: string): Promise<BackupFound | null> {
  const newest = (await listBackups(stateDir)).find((one) => one.manifest !== null);
  const copied = await lastCopy(stateDir);
  return newest === undefined || newest.path === copied?.path ? null : newest;
}

async function copyToFolder(
  backup: BackupFound,
  files: readonly string[],
  destination: string,
): Promise<void> {
  const folder = join(destination, backup.tag);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw copyFailed(backup.path, folder, (cause as Error).message, cause);
  });
  await removeUnfinished(folder);
  await refuseShortDisk(folder, backup.sizeBytes, `The copy of ${backup.path}`);
  for (const file of files) {
    const target = join(folder, basename(file));
    if (await same(file, target)) continue;
    const isDump = file === backup.path;
    if (isDump && (await readable(target))) {
      throw copyFailed(file, target, "a different file lies there, and is not overwritten");
    }
    await copyOne(file, target);
  }
}

async function copyOne(file: string, target: string): Promise<void> {
  const unfinished = unfinishedName(target);
  try {
    await copyFile(file, unfinished, constants.COPYFILE_EXCL);
    await syncPath(unfinished);
    if (!(await same(file, unfinished))) {
      throw copyFailed(file, target, "what was read back differs from what was written");
    }
    await renameDurably(unfinished, target);
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw diskFull(cause, `The copy of ${file}`);
  }
}

async function copyByCommand(tag: string, file: string, command: string): Promise<void> {
  await mustRun(["sh", "-c", command], {
    timeoutMs: COMMAND_TIMEOUT_MS,
    env: { FIBER_BACKUP_FILE: file, FIBER_BACKUP_NAME: `${tag}/${basename(file)}` },
  });
}

async function noteCopy(
  { stateDir, clock }: Pick<DataPorts, "stateDir" | "clock">,
  { path, createdMs }: BackupFound,
  destination: string,
): Promise<void> {
  const note = { path, createdMs, copiedMs: clock.now(), destination };
  await writeDurably(noteFile(stateDir), `${JSON.stringify(note)}\n`);
}

function noteFile(stateDir: string): string {
  return join(backupsFolder(stateDir), "last-copy.json");
}

async function same(file: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([stat(file), stat(other).catch(() => null)]);
  if (right === null || left.size !== right.size) return false;
  return (await hashFile(file)) === (await hashFile(other));
}

function readable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function copyFailed(file: string, target: string, why: string, cause?: unknown): FiberError {
  return new FiberError(
    "COPY_FAILED",
    `${file} was not copied to ${target}: ${why}. Mend that, then: fiber backup copy.`,
    { cause },
  );
}
