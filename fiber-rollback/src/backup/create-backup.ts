import { access, rm } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { FiberError } from "#contracts";
import {
  exportSnapshot,
  lockBackups,
  openSession,
  readServerFacts,
  releaseSnapshot,
  type ServerFacts,
  type Session,
  withSession,
} from "#db";
import {
  linkTarget,
  makePrivateFolder,
  moveLink,
  removeUnfinished,
  renameDurably,
  syncPath,
  unfinishedName,
  writeDurably,
} from "../durable-files.js";
import { connectionEnv, findPgTools, type PgTools, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import { diskFull } from "../run-tool.js";
import { ageEncrypter } from "./age-files.js";
import { estimateDumpBytes, refuseShortDisk } from "./disk-space.js";
import { dumpGlobals } from "./dump-globals.js";
import { dumpToFile } from "./dump-to-file.js";
import { listBackups } from "./list-backups.js";
import { MANIFEST_FORMAT, type Manifest, manifestPathOf } from "./manifest.js";
import { checkName, dumpSuffix, tagFolder, tagLink, timeName } from "./places.js";
import { readContents } from "./read-contents.js";

/** What to back up under which name. */
export interface BackupRequest {
  /** The release whose data it is: FIBER_RELEASE, or "dev". */
  readonly tag: string;
  /** File name without suffix instead of the time; refused when it is taken. */
  readonly name?: string;
  /** age recipient; the backup is then encrypted and no plain copy is ever on the disk. */
  readonly recipient?: string;
  /** The release record, once there is one. */
  readonly release?: Readonly<Record<string, unknown>>;
}

/** A backup that lies complete under its final name. */
export interface BackupCreated {
  /** Absolute path of the dump. */
  readonly path: string;
  /** The link that now points at it. */
  readonly link: string;
  readonly manifest: Manifest;
}

interface Prepared {
  readonly tools: PgTools;
  readonly facts: ServerFacts;
  /** Final path of the dump. */
  readonly path: string;
  readonly expectedBytes: number;
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
  checkRequest(request);
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

/** What a backup would be, after everything that can refuse it has had its say. */
export interface BackupPlan {
  readonly path: string;
  readonly expectedBytes: number;
  readonly serverVersion: string;
  readonly pgDumpVersion: string;
}

/**
 * Looks at everything that createBackup looks at before it begins, and writes no backup.
 *
 * @throws FiberError as createBackup before it begins
 */
export async function planBackup(ports: DataPorts, request: BackupRequest): Promise<BackupPlan> {
  checkRequest(request);
  const url = urlOfDatabase(ports.admin, ports.database);
  return withSession(url, async (session) => {
    const { path, expectedBytes, facts, tools } = await prepare(ports, request, session);
    await releaseSnapshot(session);
    return {
      path,
      expectedBytes,
      serverVersion: facts.version,
      pgDumpVersion: tools.version,
    };
  });
}

async function takeBackup(
  ports: DataPorts,
  request: BackupRequest,
  session: Session,
): Promise<BackupCreated> {
  const startedMs = ports.clock.now();
  const prepared = await prepare(ports, request, session);
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
      release: request.release === undefined ? null : { ...request.release },
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

function checkRequest(request: BackupRequest): void {
  checkName(request.tag, "tag");
  if (request.name !== undefined) checkName(request.name, "name");
  if (request.recipient !== undefined) ageEncrypter(request.recipient);
}

/** Everything that can refuse does so here, before anything is written. */
async function prepare(
  ports: DataPorts,
  request: BackupRequest,
  session: Session,
): Promise<Prepared> {
  const { stateDir, database } = ports;
  await refuseSecondBackup(session, database);
  const facts = await readServerFacts(session);
  const tools = await findPgTools(facts.major);
  const encrypted = request.recipient !== undefined;
  const folder = tagFolder(stateDir, request.tag);
  await makePrivateFolder(folder);
  for (const name of await removeUnfinished(folder)) {
    ports.log.warn({ folder, name }, "removed what a killed backup left");
  }
  await refuseForeignLink(tagLink(stateDir, request.tag, encrypted));
  const path = await freePath(folder, request, ports.clock.now());
  const last = (await listBackups(stateDir)).find(
    ({ manifest }) => manifest?.server.systemIdentifier === facts.systemIdentifier,
  )?.manifest;
  const expectedBytes = estimateDumpBytes(
    facts.databaseSizeBytes,
    last === undefined || last === null
      ? null
      : { dumpBytes: last.file.sizeBytes, databaseBytes: last.server.databaseSizeBytes },
  );
  await refuseShortDisk(folder, expectedBytes, `The dump of ${database}`);
  return { tools, facts, path, expectedBytes };
}

async function dumpAndRead(
  ports: DataPorts,
  request: BackupRequest,
  work: Prepared & { readonly session: Session; readonly unfinished: string },
) {
  const recipient = request.recipient ?? null;
  const { tools, session } = work;
  const snapshot = await exportSnapshot(session);
  const dump = dumpToFile({
    tools,
    snapshot,
    recipient,
    env: connectionEnv(urlOfDatabase(ports.admin, ports.database)),
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
  if (written.status === "rejected") throw written.reason;
  if (contents.status === "rejected") throw contents.reason;
  if (roles.status === "rejected") throw roles.reason;
  await syncPath(work.unfinished);
  return { ...written.value, contents: contents.value };
}

/** `x.globals.sql` beside `x.dump`, `x.globals.sql.age` beside `x.dump.age`. */
export function globalsPathOf(dumpPath: string): string {
  return dumpPath.replace(/\.dump(\.age)?$/, ".globals.sql$1");
}

async function freePath(folder: string, request: BackupRequest, now: number): Promise<string> {
  const suffix = dumpSuffix(request.recipient !== undefined);
  if (request.name !== undefined) {
    const path = join(folder, `${request.name}${suffix}`);
    if ((await exists(path)) || (await exists(manifestPathOf(path)))) {
      throw new FiberError(
        "BACKUP_EXISTS",
        `${path} exists already, and a backup is never overwritten. Choose another name, or leave ` +
          "the name out: the time is then the name.",
      );
    }
    return path;
  }
  // Two backups within one second: the later one takes the next free second.
  for (let ms = now; ; ms += 1_000) {
    const path = join(folder, `${timeName(ms)}${suffix}`);
    if (!(await exists(path)) && !(await exists(manifestPathOf(path)))) return path;
  }
}

async function refuseSecondBackup(session: Session, database: string): Promise<void> {
  const holder = await lockBackups(session);
  if (holder === null) return;
  throw new FiberError(
    "BACKUP_RUNNING",
    `A backup of ${database} has been running since ${new Date(holder.sinceMs).toISOString()} ` +
      `(server process ${holder.pid}, client ${holder.client}). Wait for it, or end it there.`,
  );
}

async function refuseForeignLink(link: string): Promise<void> {
  if (!(await exists(link)) || (await linkTarget(link)) !== null) return;
  throw new FiberError(
    "BACKUP_LINK_TAKEN",
    `${link} is a file that somebody put there, and would be replaced by the link to the new ` +
      "backup. Move it away, or choose another tag.",
  );
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
