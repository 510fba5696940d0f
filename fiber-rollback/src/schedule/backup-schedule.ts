import { Cron } from "croner";
import type { Running } from "#runtime";
import { copyBackup, newestUncopied } from "../backup/copy-backup.js";
import { createBackup } from "../backup/create-backup.js";
import { proveBackup } from "../backup/prove-backup.js";
import { pruneBackups } from "../backup/prune-backups.js";
import type { DataPorts } from "../ports.js";
import { createBase } from "../wal/create-base.js";
import { trimWal } from "../wal/trim-wal.js";
import { isLate } from "./backup-health.js";
import type { BackupScheduleConfig } from "./schedule-config.js";
import { readScheduleState, type ScheduleState, writeScheduleState } from "./schedule-state.js";

/** What the schedule works with. */
export interface BackupScheduleOptions {
  readonly ports: DataPorts;
  readonly config: BackupScheduleConfig;
  /** The release whose data is backed up: the one that runs then. */
  readonly tag: () => string;
  /** Tags whose last proven backup stays. */
  readonly goodReleases: () => Promise<readonly string[]>;
}

const TRIM_CRON = "7 * * * *";

/**
 * Takes backups when they are due: dump, proof, copy, retention. One at a time; a failure is
 * logged, kept for backupHealth, and tried again at the next time. A run that was missed while
 * nothing was running is made up for at once. The WAL archive is trimmed every hour. `stop` ends a
 * backup that is under way, of which nothing is left.
 */
export async function startBackupSchedule(options: BackupScheduleOptions): Promise<Running> {
  const { config } = options;
  const jobs: Cron[] = [];
  let current: Promise<void> = Promise.resolve();
  const ending = new AbortController();
  const ports: DataPorts = { ...options.ports, signal: ending.signal };
  // One queue: a base backup and a dump at once would only slow each other down.
  const enqueue = (what: string, work: () => Promise<unknown>) => {
    current = current.then(async () => {
      if (ending.signal.aborted) return;
      await work().catch((err: unknown) => {
        if (!ending.signal.aborted) ports.log.error({ err }, `${what} failed`);
      });
    });
  };
  const at = (cron: string, what: string, work: () => Promise<unknown>) => {
    if (cron === "off") return;
    jobs.push(new Cron(cron, { timezone: "UTC", protect: true }, () => enqueue(what, work)));
  };

  const state = await noteSchedule(options);
  const backUp = () => scheduledBackup({ ...options, ports });
  at(config.FIBER_BACKUP_SCHEDULE, "scheduled backup", backUp);
  at(config.FIBER_BACKUP_BASE_SCHEDULE, "scheduled base backup", () => createBase(ports));
  at(TRIM_CRON, "trimming the WAL archive", () => trimWal(ports));
  if (isLate(state, ports.clock.now())) enqueue("missed backup", backUp);
  return {
    async stop() {
      ending.abort();
      for (const job of jobs) job.stop();
      await current;
    },
  };
}

async function scheduledBackup(options: BackupScheduleOptions): Promise<void> {
  const { ports, config } = options;
  const recipient = config.FIBER_BACKUP_RECIPIENT;
  try {
    const made = await createBackup(ports, {
      tag: options.tag(),
      ...(recipient === undefined ? {} : { recipient }),
    });
    if (config.FIBER_BACKUP_PROVE && recipient === undefined) {
      const proof = await proveBackup(ports, { path: made.path });
      if (proof.provenAt === null) throw new Error(proof.differences.join("; "));
    }
    await copyNewest(options);
    const goodReleases = await options.goodReleases();
    await pruneBackups(ports, { goodReleases, dryRun: false });
    await noteOutcome(options, null);
  } catch (err) {
    // A stop is no failure: what is due is made up for at the next start.
    if (!ports.signal?.aborted) {
      await noteOutcome(options, err instanceof Error ? err.message : String(err));
    }
    throw err;
  }
}

async function copyNewest({ ports, config }: BackupScheduleOptions): Promise<void> {
  const destination = config.FIBER_BACKUP_COPY_TO;
  if (destination === undefined) return;
  const backup = await newestUncopied(ports.stateDir);
  if (backup !== null) await copyBackup(ports, backup, destination);
}

/** Remembers which schedule is in force; a changed one starts counting anew. */
async function noteSchedule({
  ports,
  config,
}: BackupScheduleOptions): Promise<ScheduleState | null> {
  const cron = config.FIBER_BACKUP_SCHEDULE === "off" ? null : config.FIBER_BACKUP_SCHEDULE;
  const known = await readScheduleState(ports.stateDir);
  if (known?.cron === cron || (known === null && cron === null)) return known;
  const state: ScheduleState = {
    format: 1,
    cron,
    sinceMs: ports.clock.now(),
    lastOkMs: known?.lastOkMs ?? null,
    lastError: null,
  };
  await writeScheduleState(ports.stateDir, state);
  return state;
}

async function noteOutcome(
  { ports }: BackupScheduleOptions,
  lastError: string | null,
): Promise<void> {
  const known = await readScheduleState(ports.stateDir);
  if (known === null) return;
  const lastOkMs = lastError === null ? ports.clock.now() : known.lastOkMs;
  await writeScheduleState(ports.stateDir, { ...known, lastError, lastOkMs });
}
