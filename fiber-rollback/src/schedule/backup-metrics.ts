import { Gauge, type Registry } from "prom-client";
import type { Db } from "#db";
import { archiveHealth } from "./archive-health.js";
import { backupHealth } from "./backup-health.js";

/**
 * Adds gauges about backups and the WAL archive to a registry; they are read at every scrape. What
 * cannot be known (no backup yet, database away) has no value rather than a wrong one.
 */
export function addBackupMetrics(
  register: Registry,
  sources: { readonly stateDir: string; readonly db: Db },
): void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [register] });
  const set = (one: Gauge, value: number | null) => {
    if (value === null) one.remove();
    else one.set(value);
  };
  const age = gauge("fiber_backup_age_seconds", "Age of the newest complete backup");
  const proven = gauge("fiber_backup_proven_age_seconds", "Age of the newest proven backup");
  const base = gauge("fiber_backup_base_age_seconds", "Age of the newest base backup");
  const archiveAge = gauge("fiber_wal_archive_age_seconds", "Time since a segment was archived");
  const waiting = gauge("fiber_wal_archive_waiting", "WAL segments waiting to be archived");
  const failures = gauge("fiber_wal_archive_failures", "Failures since the statistics were reset");
  new Gauge({
    name: "fiber_backup_late",
    help: "1 while the scheduled backup is late",
    registers: [register],
    async collect() {
      const [health, archive] = await Promise.all([
        backupHealth(sources.stateDir),
        archiveHealth(sources.db).catch(() => null),
      ]);
      this.set(health.late ? 1 : 0);
      set(age, health.newest?.ageS ?? null);
      set(proven, health.provenAgeS);
      set(base, health.base?.ageS ?? null);
      set(archiveAge, archive?.ageS ?? null);
      set(waiting, archive?.waiting ?? null);
      set(failures, archive?.failures ?? null);
    },
  });
}
