import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  lockBackups,
  readServerFacts,
  releaseSnapshot,
  type ServerFacts,
  type Session,
  withSession,
} from "#db";
import type { Logger } from "#runtime";
import { linkTarget, makePrivateFolder, removeUnfinished } from "../durable-files.js";
import { findPgTools, type PgTools, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import { ageEncrypter } from "./age-files.js";
import { estimateDumpBytes, refuseShortDisk } from "./disk-space.js";
import { listBackups } from "./list-backups.js";
import { globalsPathOf, manifestPathOf } from "./manifest.js";
import { checkName, dumpSuffix, tagFolder, tagLink, timeName } from "./places.js";

/** What to back up under which name. */
export interface BackupRequest {
  /** The release whose data it is: FIBER_RELEASE, or "dev". */
  readonly tag: string;
  /** File name without suffix instead of the time; refused when it is taken. */
  readonly name?: string;
  /** age recipient; the backup is then encrypted and no plain copy is ever on the disk. */
  readonly recipient?: string;
}

/** What a backup needs to begin. */
export interface PreparedBackup {
  readonly tools: PgTools;
  readonly facts: ServerFacts;
  /** Final path of the dump. */
  readonly path: string;
  readonly expectedBytes: number;
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
  checkBackupRequest(request);
  const url = urlOfDatabase(ports.admin, ports.database);
  return withSession(url, async (session) => {
    const { path, expectedBytes, facts, tools } = await prepareBackup(ports, request, session, {
      dryRun: true,
    });
    await releaseSnapshot(session);
    return {
      path,
      expectedBytes,
      serverVersion: facts.version,
      pgDumpVersion: tools.version,
    };
  });
}

/** @throws FiberError USAGE */
export function checkBackupRequest(request: BackupRequest): void {
  checkName(request.tag, "tag");
  if (request.name !== undefined) checkName(request.name, "name");
  if (request.recipient !== undefined) ageEncrypter(request.recipient);
}

/**
 * Everything that can refuse a backup does so here, before it begins; and what a killed one left
 * is removed. The session then holds the lock for backups.
 *
 * @throws FiberError as createBackup
 */
export async function prepareBackup(
  ports: DataPorts,
  request: BackupRequest,
  session: Session,
  options: { readonly dryRun: boolean } = { dryRun: false },
): Promise<PreparedBackup> {
  const { stateDir, database } = ports;
  await refuseSecondBackup(session, database);
  const facts = await readServerFacts(session);
  const tools = await findPgTools(facts.major);
  const encrypted = request.recipient !== undefined;
  const folder = tagFolder(stateDir, request.tag);
  if (!options.dryRun) {
    await makePrivateFolder(folder);
    await removeKilled(folder, ports.log);
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
  await refuseShortDisk(
    options.dryRun ? stateDir : folder,
    expectedBytes,
    `The dump of ${database}`,
  );
  return { tools, facts, path, expectedBytes };
}

/**
 * Removes what killed backups left: the unfinished dump, and, because its own name would have come
 * last, the manifest and roles that already have theirs.
 */
async function removeKilled(folder: string, log: Logger): Promise<void> {
  for (const name of await removeUnfinished(folder)) {
    log.warn({ folder, name }, "removed what a killed backup left");
    const dump = /^\.(.+\.dump(?:\.age)?)\.\d+-[0-9a-f]{6}\.partial$/.exec(name)?.[1];
    if (dump === undefined || (await exists(join(folder, dump)))) continue;
    await rm(manifestPathOf(join(folder, dump)), { force: true });
    await rm(globalsPathOf(join(folder, dump)), { force: true });
  }
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

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
