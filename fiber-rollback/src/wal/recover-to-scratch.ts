import { chown, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  findServerPrograms,
  openSession,
  type ScratchServer,
  type ServerPrograms,
  startScratchServer,
  stopLeftServer,
} from "#db";
import { mustRun } from "#runtime";
import { refuseShortDisk } from "../backup/disk-space.js";
import { hashFile } from "../backup/dump-to-file.js";
import { unfinishedName } from "../durable-files.js";
import type { DataPorts } from "../ports.js";
import { FETCH_SCRIPT, scriptCommand } from "./archive-script.js";
import { switchAndAwaitArchive } from "./await-archive.js";
import { type BaseFound, listBases } from "./base-manifest.js";
import { chooseBase, type RecoveryTarget, refuseHoles } from "./choose-base.js";
import { listRestorePoints, type RestorePoint } from "./restore-points.js";
import { segmentOf } from "./segments.js";
import { archivedSegments, archiveFolder } from "./wal-folder.js";
import { watchRecovery } from "./watch-recovery.js";

/** Where to recover to; exactly one of the two. */
export type RecoveryRequest = { readonly toPoint: string } | { readonly toTime: Date };

/** How to recover. */
export interface RecoveryOptions {
  /** Folder of the WAL archive; default FIBER_WAL_ARCHIVE, else `<state>/wal/archive`. */
  readonly archive?: string;
  /** How long the newest segment may take to arrive in the archive. Default 60 s. */
  readonly archiveTimeoutMs?: number;
  /** The living server is gone: recover from what the archive holds. */
  readonly serverLost?: boolean;
}

/** The data as it was, on a server of its own that nobody else reaches. */
export interface Recovered extends ScratchServer {
  /** Connection string of our database on it. */
  readonly databaseUrl: string;
  readonly base: string;
  /** Segments that were there to be read. */
  readonly segments: number;
}

const ARCHIVE_TIMEOUT_MS = 60_000;

/**
 * Recovers the server's data to a restore point or a moment, on a scratch instance beside the
 * living one: closes the current WAL segment and waits for the archive, unpacks the newest base
 * backup before the target, and reads archived WAL up to it. `stop` ends the instance and removes
 * it; what a killed recovery left is removed by the next.
 *
 * @throws FiberError RESTORE_POINT_UNKNOWN, NO_BASE_BACKUP, ARCHIVE_STUCK, ARCHIVE_HOLE,
 *   BASE_DAMAGED, DISK_SHORT, SERVER_PROGRAMS_MISSING, RECOVERY_FAILED, TARGET_IN_FUTURE
 */
export async function recoverToScratch(
  ports: DataPorts,
  request: RecoveryRequest,
  options: RecoveryOptions = {},
): Promise<Recovered> {
  const archive = options.archive ?? archiveFolder(ports.stateDir);
  const target = await findTarget(ports, request);
  const base = chooseBase(await listBases(ports.stateDir), target);
  const newest = options.serverLost ? null : await finishArchive(ports, archive, base, options);
  const segments = refuseHoles(
    base,
    await archivedSegments(archive),
    lastNeeded(base, target) ?? newest,
  );
  const programs = await findServerPrograms({ ...ports, major: base.manifest.major });
  const root = await makeScratchRoot(ports, programs);
  await refuseShortDisk(root, base.manifest.clusterBytes * 1.2, "The recovery");
  const folder = unfinishedName(join(root, "recovery"));
  try {
    await unpack(ports, base, programs, folder);
    const watch = watchRecovery(join(folder, "server.log"), segments, ports.progress);
    const server = await startRecovery({
      base,
      archive,
      programs,
      folder,
      target: targetSettings(target, options.serverLost ?? false),
    }).finally(watch);
    ports.log.info({ base: base.path, segments: segments.length }, "recovered beside");
    return {
      ...server,
      databaseUrl: server.url(ports.database),
      base: base.path,
      segments: segments.length,
      stop: async () => {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (err) {
    await rm(folder, { recursive: true, force: true });
    throw err;
  }
}

async function findTarget(ports: DataPorts, request: RecoveryRequest): Promise<RecoveryTarget> {
  if ("toTime" in request) {
    const timeMs = request.toTime.getTime();
    if (timeMs <= ports.clock.now()) return { kind: "time", timeMs };
    throw new FiberError(
      "TARGET_IN_FUTURE",
      `${request.toTime.toISOString()} is in the future: nothing can be recovered to it yet.`,
    );
  }
  const points = await listRestorePoints(ports.stateDir);
  const point = points.find((one) => one.name === request.toPoint);
  if (point !== undefined) return { kind: "point", point };
  const known =
    points
      .map((one) => one.name)
      .slice(-5)
      .join(", ") || "none";
  throw new FiberError(
    "RESTORE_POINT_UNKNOWN",
    `There is no restore point "${request.toPoint}". The newest are: ${known}.`,
  );
}

/** Sees to it that the archive reaches to this moment; returns the last segment's name. */
async function finishArchive(
  ports: DataPorts,
  archive: string,
  base: BaseFound,
  options: RecoveryOptions,
): Promise<string> {
  const session = await openSession(ports.admin, "fiber recovery");
  try {
    const closed = await switchAndAwaitArchive(session, {
      archive,
      clock: ports.clock,
      timeoutMs: options.archiveTimeoutMs ?? ARCHIVE_TIMEOUT_MS,
    });
    if (closed.systemIdentifier === base.manifest.systemIdentifier) return closed.segment;
    throw new FiberError(
      "NO_BASE_BACKUP",
      `The base backup ${base.path} is of another server (system identifier ` +
        `${base.manifest.systemIdentifier}). Take one of this server: fiber backup base.`,
    );
  } finally {
    await session.close();
  }
}

function lastNeeded(base: BaseFound, target: RecoveryTarget): string | null {
  if (target.kind === "time" || target.point.lsn === null) return null;
  const { timeline, segmentBytes } = base.manifest;
  return segmentOf(target.point.lsn, timeline, segmentBytes);
}

async function makeScratchRoot(ports: DataPorts, programs: ServerPrograms): Promise<string> {
  const root = join(ports.stateDir, "postgres", "scratch");
  await mkdir(root, { recursive: true, mode: 0o700 });
  if (programs.owner.switched) await chown(root, programs.owner.uid, programs.owner.gid);
  for (const name of await readdir(root)) {
    const pid = Number(/\.(\d+)-[0-9a-f]{6}\.partial$/.exec(name)?.[1]);
    if (isAlive(pid)) continue;
    await stopLeftServer(programs, join(root, name, "data"));
    await rm(join(root, name), { recursive: true, force: true });
    ports.log.warn({ name }, "removed what a killed recovery left");
  }
  return root;
}

async function unpack(
  ports: DataPorts,
  base: BaseFound,
  { owner }: ServerPrograms,
  folder: string,
): Promise<void> {
  const data = join(folder, "data");
  await mkdir(join(data, "pg_wal"), { recursive: true, mode: 0o700 });
  ports.progress({ step: "unpack", done: 0, total: base.manifest.clusterBytes, unit: "bytes" });
  for (const file of base.manifest.files) {
    const path = join(base.path, file.name);
    const sha256 = await hashFile(path).catch(() => "none");
    if (sha256 === file.sha256) continue;
    throw new FiberError(
      "BASE_DAMAGED",
      `${path} is missing or damaged (SHA-256 ${sha256} instead of ${file.sha256}). Recover from ` +
        "another base backup or restore a dump (fiber backup list).",
    );
  }
  await mustRun(["tar", "-xzf", join(base.path, "base.tar.gz"), "-C", data]);
  const wal = join(data, "pg_wal");
  await mustRun(["tar", "-xzf", join(base.path, "pg_wal.tar.gz"), "-C", wal]);
  await writeFile(join(folder, "fetch-wal.sh"), FETCH_SCRIPT, { mode: 0o755 });
  await writeFile(join(data, "recovery.signal"), "", { mode: 0o600 });
  await writeFile(join(folder, "server.log"), "", { mode: 0o600 });
  if (owner.switched) await mustRun(["chown", "-R", `${owner.uid}:${owner.gid}`, folder]);
}

async function startRecovery(work: {
  readonly base: BaseFound;
  readonly archive: string;
  readonly programs: ServerPrograms;
  readonly folder: string;
  /** From {@link targetSettings}. */
  readonly target: Readonly<Record<string, string>>;
}): Promise<ScratchServer> {
  const { base, folder, programs } = work;
  return startScratchServer({
    programs,
    data: join(folder, "data"),
    logFile: join(folder, "server.log"),
    user: base.manifest.user,
    settings: {
      ...base.manifest.limits,
      port: "5432",
      archive_mode: "off",
      hot_standby: "off",
      // A scratch instance is thrown away after a crash: no syncs.
      fsync: "off",
      full_page_writes: "off",
      shared_buffers: "128MB",
      max_wal_size: "4GB",
      jit: "off",
      timezone: "UTC",
      log_timezone: "UTC",
      restore_command: scriptCommand(join(folder, "fetch-wal.sh"), "%f", "%p", work.archive),
      recovery_target_action: "promote",
      recovery_target_timeline: "current",
      ...work.target,
    },
  });
}

/**
 * A recorded point is found by its position, which is right even when somebody wrote a second point
 * of the same name by hand; the record after it is the first that is not replayed. A lost server may
 * have written none after it: then the name must do.
 */
function targetSettings(
  target: RecoveryTarget,
  serverLost: boolean,
): Readonly<Record<string, string>> {
  if (target.kind === "time") {
    // The server reads no zone abbreviations, and so no "Z", before it has started.
    return { recovery_target_time: new Date(target.timeMs).toISOString().replace("Z", "+00") };
  }
  const point: RestorePoint = target.point;
  return point.lsn === null || serverLost
    ? { recovery_target_name: point.name }
    : { recovery_target_lsn: point.lsn, recovery_target_inclusive: "off" };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
