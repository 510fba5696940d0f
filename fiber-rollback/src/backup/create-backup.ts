import { access, rm } from "node:fs/promises";
import { basename, dirname, relative } from "node:path";
import { exportSnapshot, openSession, releaseSnapshot, type ServerFacts, type Session } from "#db";
import {
  moveLink,
  renameDurably,
  syncPath,
  unfinishedName,
  writeDurably,
} from "../durable-files.js";
import { connectionEnv, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import { createReleaseStore } from "../releases/release-store.js";
import { diskFull } from "../run-tool.js";
import { calmBackupSessions } from "./calm-sessions.js";
import { dumpGlobals } from "./dump-globals.js";
import { dumpToFile } from "./dump-to-file.js";
import { globalsPathOf, MANIFEST_FORMAT, type Manifest, manifestPathOf } from "./manifest.js";
import { backupsFolder, tagLink } from "./places.js";
import {
  type BackupRequest,
  checkBackupRequest,
  type PreparedBackup,
  prepareBackup,
} from "./prepare-backup.js";
import { readContents } from "./read-contents.js";

/** A backup that lies complete under its final name. */
export interface BackupCreated {
  /** Absolute path of the dump. */
  readonly path: string;
  /** The link that now points at it. */
  readonly link: string;
  readonly manifest: Manifest;
}

/**
 * Takes a backup: dump, figures and roles from one snapshot, read back to the end, synced, and
 * then renamed into place; the dump's own name comes last, so that a killed run leaves no dump
 * that looks complete. Ingest and reads go on; partition care waits.
 *
 * @throws FiberError BACKUP_RUNNING, BACKUP_EXISTS, BACKUP_LINK_TAKEN, DISK_SHORT, DISK_FULL, DUMP_FAILED,
 *   DUMP_UNREADABLE, GLOBALS_FAILED, PG_TOOLS_MISSING, PG_TOOLS_TOO_OLD, USAGE, or the driver's
 *   error when the server cannot be reached
 */
export async function createBackup(
  ports: DataPorts,
  request: BackupRequest,
): Promise<BackupCreated> {
  checkBackupRequest(request);
  const session = await openSession(urlOfDatabase(ports.admin, ports.database), "fiber backup");
  // Figures are read on this session: ending it ends them.
  const abort = () => void session.close();
  ports.signal?.addEventListener("abort", abort, { once: true });
  try {
    ports.signal?.throwIfAborted();
    return await takeBackup(ports, request, session);
  } finally {
    ports.signal?.removeEventListener("abort", abort);
    // Before the goodbye, which the server may read after the next backup has begun. A session that
    // is gone holds nothing.
    await releaseSnapshot(session).catch(() => {});
    await session.close();
  }
}

async function takeBackup(
  ports: DataPorts,
  request: BackupRequest,
  session: Session,
): Promise<BackupCreated> {
  const startedMs = ports.clock.now();
  const prepared = await prepareBackup(ports, request, session);
  const { path, facts } = prepared;
  const unfinished = unfinishedName(path);
  const beside = [manifestPathOf(path), globalsPathOf(path)];
  try {
    const written = await dumpAndRead(ports, request, { ...prepared, session, unfinished });
    const manifest: Manifest = {
      format: MANIFEST_FORMAT,
      tag: request.tag,
      createdAt: new Date(startedMs).toISOString(),
      durationMs: ports.clock.now() - startedMs,
      file: {
        name: basename(path),
        sizeBytes: written.sizeBytes,
        sha256: written.sha256,
        encryption: request.recipient === undefined ? null : "age",
      },
      server: withoutMajor(facts),
      pgDumpVersion: prepared.tools.version,
      ...written.contents,
      release: await releaseOf(ports.stateDir, request.tag, path),
      provenAt: null,
    };
    await writeDurably(manifestPathOf(path), `${JSON.stringify(manifest, null, 2)}\n`);
    await renameDurably(unfinished, path);
    const link = tagLink(ports.stateDir, request.tag, request.recipient !== undefined);
    await moveLink(link, relative(dirname(link), path));
    ports.log.info({ path, sizeBytes: written.sizeBytes }, "backup taken");
    return { path, link, manifest };
  } catch (err) {
    for (const file of [unfinished, ...beside]) await removeUnlessComplete(file, path);
    throw diskFull(err, "The backup");
  }
}

/** The release's record as it stands, with the backup that is being taken. */
async function releaseOf(
  stateDir: string,
  tag: string,
  path: string,
): Promise<Manifest["release"]> {
  const record = await createReleaseStore(stateDir).read(tag);
  if (record === null) return null;
  return { ...record, backups: [...record.backups, relative(backupsFolder(stateDir), path)] };
}

async function dumpAndRead(
  ports: DataPorts,
  request: BackupRequest,
  work: PreparedBackup & { readonly session: Session; readonly unfinished: string },
) {
  const recipient = request.recipient ?? null;
  const { tools, session } = work;
  const snapshot = await exportSnapshot(session);
  const url = urlOfDatabase(ports.admin, ports.database);
  const ended = new AbortController();
  const calming = calmBackupSessions(url, ports.log, ended.signal);
  const dump = dumpToFile({
    tools,
    snapshot,
    recipient,
    env: connectionEnv(url),
    database: ports.database,
    file: work.unfinished,
    expectedBytes: work.expectedBytes,
    progress: ports.progress,
    signal: ports.signal,
  });
  const figures = readContents(session, ports.progress);
  const file = globalsPathOf(work.path);
  const globals = dumpGlobals({ tools, admin: ports.admin, file, recipient });
  // All three end before anything is cleaned up.
  const [written, contents, roles] = await Promise.allSettled([dump, figures, globals]);
  ended.abort();
  await calming;
  if (written.status === "rejected") throw written.reason;
  if (contents.status === "rejected") throw contents.reason;
  if (roles.status === "rejected") throw roles.reason;
  await syncPath(work.unfinished);
  return { ...written.value, contents: contents.value };
}

async function removeUnlessComplete(file: string, dump: string): Promise<void> {
  // After the rename the backup is complete, even when its link could not be moved.
  if (await exists(dump)) return;
  await rm(file, { force: true });
}

function withoutMajor({ major: _, ...server }: ServerFacts): Manifest["server"] {
  return server;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
