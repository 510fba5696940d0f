import { Cron } from "croner";
import { lastCopy } from "../backup/copy-backup.js";
import { type BackupFound, listBackups } from "../backup/list-backups.js";
import { type BaseFound, listBases } from "../wal/base-manifest.js";
import { readScheduleState, type ScheduleState } from "./schedule-state.js";

/** Whether the backups are as they should be, and what is not. Times ISO 8601, ages in seconds. */
export interface BackupHealth {
  /** `off`: no schedule, so nothing can be late. */
  readonly light: "green" | "amber" | "off";
  /** Why it is not green, each with its remedy. */
  readonly reasons: readonly string[];
  readonly late: boolean;
  readonly schedule: string | null;
  readonly newest: {
    readonly path: string;
    readonly tag: string;
    readonly createdAt: string;
    readonly ageS: number;
    readonly provenAt: string | null;
  } | null;
  /** Of the newest proven backup. */
  readonly provenAgeS: number | null;
  readonly copied: { readonly path: string; readonly copiedAt: string } | null;
  readonly base: { readonly createdAt: string; readonly ageS: number } | null;
}

/** How long a run may take before its backup counts as late. */
const GRACE_MS = 30 * 60_000;

/** Looks at the state folder; needs no database. */
export async function backupHealth(stateDir: string, nowMs = Date.now()): Promise<BackupHealth> {
  const [backups, bases, schedule, copy] = await Promise.all([
    listBackups(stateDir),
    listBases(stateDir),
    readScheduleState(stateDir),
    lastCopy(stateDir),
  ]);
  const complete = backups.filter((one) => one.manifest !== null);
  const newest = complete[0] ?? null;
  const late = isLate(schedule, nowMs);
  const reasons = reasonsOf({ schedule, newest, late });
  const proven = complete.find((one) => one.manifest?.provenAt != null);
  const on = schedule !== null && schedule.cron !== null;
  return {
    light: !on ? "off" : reasons.length === 0 ? "green" : "amber",
    reasons,
    late,
    schedule: schedule?.cron ?? null,
    newest: newest === null ? null : describe(newest, nowMs),
    provenAgeS: proven === undefined ? null : ageS(proven.createdMs, nowMs),
    copied: copy === null ? null : { path: copy.path, copiedAt: iso(copy.copiedMs) },
    base: describeBase(bases.at(-1), nowMs),
  };
}

/** Whether a run that was due is not done, half an hour after its time. */
export function isLate(schedule: ScheduleState | null, nowMs: number): boolean {
  if (schedule === null || schedule.cron === null) return false;
  const after = Math.max(schedule.lastOkMs ?? 0, schedule.sinceMs);
  const cron = new Cron(schedule.cron, { paused: true, timezone: "UTC" });
  const due = cron.nextRun(new Date(after));
  cron.stop();
  return due !== null && due.getTime() + GRACE_MS < nowMs;
}

function reasonsOf(facts: {
  readonly schedule: ScheduleState | null;
  readonly newest: BackupFound | null;
  readonly late: boolean;
}): readonly string[] {
  const { schedule, newest, late } = facts;
  if (schedule === null || schedule.cron === null) {
    return ["No backup schedule is set: set FIBER_BACKUP_SCHEDULE, such as 15 2 * * *."];
  }
  const reasons: string[] = [];
  if (schedule.lastError !== null)
    reasons.push(`The last scheduled backup failed: ${schedule.lastError}`);
  if (late) reasons.push("The scheduled backup is late: take one with fiber backup create.");
  if (
    newest !== null &&
    newest.manifest?.provenAt == null &&
    newest.manifest?.file.encryption === null
  ) {
    reasons.push("The newest backup is not proven: fiber backup prove.");
  }
  return reasons;
}

function describe(backup: BackupFound, nowMs: number): BackupHealth["newest"] {
  return {
    path: backup.path,
    tag: backup.tag,
    createdAt: iso(backup.createdMs),
    ageS: ageS(backup.createdMs, nowMs),
    provenAt: backup.manifest?.provenAt ?? null,
  };
}

function describeBase(base: BaseFound | undefined, nowMs: number): BackupHealth["base"] {
  if (base === undefined) return null;
  return { createdAt: base.manifest.createdAt, ageS: ageS(base.endMs, nowMs) };
}

function ageS(ms: number, nowMs: number): number {
  return Math.max(0, Math.round((nowMs - ms) / 1_000));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
