import { Gauge, type Registry } from "prom-client";
import type { Db } from "#db";
import { type ArchiveHealth, archiveHealth } from "./archive-health.js";
import { type BackupHealth, backupHealth } from "./backup-health.js";

interface Health {
  readonly backups: BackupHealth;
  /** Null while the database is away. */
  readonly archive: ArchiveHealth | null;
}

/**
 * Adds gauges about backups and the WAL archive to a registry; folder and database are read once a
 * scrape. What cannot be known (no backup yet, database away) has no value rather than a wrong one.
 */
export function addBackupMetrics(
  register: Registry,
  sources: { readonly stateDir: string; readonly db: Db },
): void {
  let reading: Promise<Health> | null = null;
  const read = () => {
    reading ??= readHealth(sources).finally(() => {
      reading = null;
    });
    return reading;
  };
  const gauge = (name: string, help: string, value: (health: Health) => number | null) => {
    new Gauge({
      name,
      help,
      registers: [register],
      async collect() {
        const now = value(await read());
        if (now === null) this.remove();
        else this.set(now);
      },
    });
  };
  gauge("fiber_backup_late", "1 while the scheduled backup is late", ({ backups }) =>
    backups.late ? 1 : 0,
  );
  gauge(
    "fiber_backup_age_seconds",
    "Age of the newest complete backup",
    ({ backups }) => backups.newest?.ageS ?? null,
  );
  gauge(
    "fiber_backup_proven_age_seconds",
    "Age of the newest proven backup",
    ({ backups }) => backups.provenAgeS,
  );
  gauge(
    "fiber_backup_base_age_seconds",
    "Age of the newest base backup",
    ({ backups }) => backups.base?.ageS ?? null,
  );
  gauge(
    "fiber_wal_archive_age_seconds",
    "Time since a WAL segment was archived",
    ({ archive }) => archive?.ageS ?? null,
  );
  gauge(
    "fiber_wal_archive_waiting",
    "WAL segments that wait to be archived",
    ({ archive }) => archive?.waiting ?? null,
  );
  gauge(
    "fiber_wal_archive_failures",
    "Failed attempts to archive since the server's statistics were reset",
    ({ archive }) => archive?.failures ?? null,
  );
}

async function readHealth(sources: {
  readonly stateDir: string;
  readonly db: Db;
}): Promise<Health> {
  const [backups, archive] = await Promise.all([
    backupHealth(sources.stateDir),
    archiveHealth(sources.db).catch(() => null),
  ]);
  return { backups, archive };
}
