import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import { listBackups } from "../backup/list-backups.js";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { backupHealth } from "./backup-health.js";
import { addBackupMetrics } from "./backup-metrics.js";
import { startBackupSchedule } from "./backup-schedule.js";
import { backupScheduleSchema } from "./schedule-config.js";
import { readScheduleState, writeScheduleState } from "./schedule-state.js";

let data: TestData;
const copies = mkdtempSync(join(tmpdir(), "fiber-copies-"));
beforeAll(async () => {
  data = await createTestData(200);
});
afterAll(async () => {
  await data.remove();
  rmSync(copies, { recursive: true, force: true });
});

const start = (env: Readonly<Record<string, string>>) =>
  startBackupSchedule({
    ports: data.ports,
    config: backupScheduleSchema.parse(env),
    tag: () => "v1",
    goodReleases: async () => ["v1"],
  });
const NEVER = "0 0 1 1 *";

describe("the backup schedule", () => {
  it("is off unless it is set, and then nothing is late", async () => {
    const schedule = await start({});
    expect(await backupHealth(data.stateDir)).toMatchObject({ light: "off", late: false });
    await schedule.stop();
    expect(existsSync(join(data.stateDir, "backups"))).toBe(false);
  });

  it("takes a backup, proves it, copies it, and is green", async () => {
    const schedule = await start({
      FIBER_BACKUP_SCHEDULE: "* * * * * *",
      FIBER_BACKUP_COPY_TO: copies,
    });
    await expect
      .poll(async () => (await readScheduleState(data.stateDir))?.lastOkMs ?? null, {
        timeout: 40_000,
      })
      .not.toBeNull();
    await schedule.stop();
    const health = await backupHealth(data.stateDir);
    expect(health).toMatchObject({ light: "green", reasons: [], late: false });
    expect(health.newest?.tag).toBe("v1");
    expect(readdirSync(join(copies, "v1")).length).toBeGreaterThanOrEqual(3);
    const registry = new Registry();
    addBackupMetrics(registry, { stateDir: data.stateDir, db: data.database.pool });
    const text = await registry.metrics();
    expect(text).toMatch(/^fiber_backup_late 0$/m);
    expect(text).toMatch(/^fiber_backup_age_seconds \d+$/m);
    expect(text).toMatch(/^fiber_wal_archive_waiting 0$/m);
    expect(text).not.toMatch(/^fiber_backup_base_age_seconds \d/m);
  });

  it("turns amber and says so when a run fails", async () => {
    const before = (await listBackups(data.stateDir)).length;
    const broken = { ...data.ports, admin: "postgres://postgres:x@127.0.0.1:1/postgres" };
    const schedule = await startBackupSchedule({
      ports: broken,
      config: backupScheduleSchema.parse({ FIBER_BACKUP_SCHEDULE: "* * * * * *" }),
      tag: () => "v1",
      goodReleases: async () => [],
    });
    await expect
      .poll(async () => (await readScheduleState(data.stateDir))?.lastError, { timeout: 20_000 })
      .toMatch(/ECONNREFUSED/);
    await schedule.stop();
    const health = await backupHealth(data.stateDir);
    expect(health.light).toBe("amber");
    expect(health.reasons[0]).toMatch(/last scheduled backup failed.*ECONNREFUSED/);
    expect((await listBackups(data.stateDir)).length).toBe(before);
  });

  it("is late half an hour after a run that was missed, and makes up for it at the next start", async () => {
    const yesterday = Date.now() - 86_400_000;
    const state = { format: 1, cron: "*/5 * * * *", lastError: null } as const;
    await writeScheduleState(data.stateDir, { ...state, sinceMs: 0, lastOkMs: yesterday });
    const health = await backupHealth(data.stateDir);
    expect(health).toMatchObject({ late: true, light: "amber" });
    const before = (await listBackups(data.stateDir))[0]?.createdMs ?? 0;
    const schedule = await start({ FIBER_BACKUP_SCHEDULE: "*/5 * * * *" });
    await expect
      .poll(async () => (await readScheduleState(data.stateDir))?.lastOkMs, { timeout: 40_000 })
      .toBeGreaterThan(yesterday);
    await schedule.stop();
    expect((await listBackups(data.stateDir))[0]?.createdMs).toBeGreaterThan(before);
    expect((await backupHealth(data.stateDir)).late).toBe(false);
  });

  it("ends a backup under way when it stops, and leaves nothing of it", async () => {
    await data.database.pool.query(
      "CREATE TABLE bulk AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, 400000) n",
    );
    const yesterday = Date.now() - 86_400_000;
    await writeScheduleState(data.stateDir, {
      format: 1,
      cron: NEVER,
      sinceMs: 0,
      lastOkMs: yesterday - 400 * 86_400_000,
      lastError: null,
    });
    const before = await listBackups(data.stateDir);
    const schedule = await start({ FIBER_BACKUP_SCHEDULE: NEVER });
    const folder = join(data.stateDir, "backups/v1");
    await expect.poll(() => readdirSync(folder).some((one) => one.endsWith(".partial"))).toBe(true);
    const stopping = systemClock.now();
    await schedule.stop();
    expect(systemClock.now() - stopping).toBeLessThan(10_000);
    expect(readdirSync(folder).filter((one) => one.endsWith(".partial"))).toEqual([]);
    expect(await listBackups(data.stateDir)).toEqual(before);
    expect((await readScheduleState(data.stateDir))?.lastError).toBeNull();
  });

  it("refuses what is no cron expression", () => {
    expect(() => backupScheduleSchema.parse({ FIBER_BACKUP_SCHEDULE: "every night" })).toThrow(
      /cron expression/,
    );
  });
});
