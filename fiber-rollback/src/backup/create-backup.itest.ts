import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dropExpiredPartitions, ensurePartitions, isBackupRunning } from "#db";
import { runCommand, systemClock } from "#runtime";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { findPgTools } from "../pg-tools.js";
import { createBackup } from "./create-backup.js";
import { hashFile } from "./dump-to-file.js";
import { listBackups } from "./list-backups.js";
import { readManifest } from "./manifest.js";

let data: TestData;
beforeAll(async () => {
  data = await createTestData();
});
afterAll(() => data.remove());

const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name);

describe("createBackup", () => {
  it("writes dump, manifest and roles, and points the runbook's name at the dump", async () => {
    const { path, link, manifest } = await createBackup(data.ports, { tag: "v1.0.0-mvp" });

    expect(link).toBe(join(data.stateDir, "backups/v1.0.0-mvp.dump"));
    expect(join(link, "..", readlinkSync(link))).toBe(path);
    expect(await readManifest(path)).toEqual(manifest);
    expect(await hashFile(path)).toBe(manifest.file.sha256);
    expect(statSync(path).size).toBe(manifest.file.sizeBytes);
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(readFileSync(path.replace(/\.dump$/, ".globals.sql"), "utf8")).toMatch(
      /CREATE ROLE postgres/,
    );
    const tools = await findPgTools(15);
    const listed = await runCommand([tools.path("pg_restore"), "--list", link]);
    expect(listed.stdout).toMatch(/TABLE DATA public samples_/);
    expect(filesBelow(data.stateDir).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("counts and hashes what PostgreSQL counts and hashes", async () => {
    const { manifest } = await createBackup(data.ports, { tag: "figures" });
    const samples = manifest.tables.find((table) => table.name === "samples");
    const { rows } = await data.database.pool.query(
      "SELECT count(*)::int AS rows, sum(hash_record_extended(s, 0))::text AS hash FROM samples s",
    );
    expect(samples).toMatchObject({ class: "append", ...rows[0] });
    expect(samples?.rows).toBe(3_000);
    const parts = samples?.partitions ?? [];
    expect(parts.reduce((sum, part) => sum + part.rows, 0)).toBe(3_000);
    expect(manifest.tables.map((table) => table.class)).not.toContain(null);
    expect(manifest.tables.find((table) => table.name === "fiber_migrations")?.rows).toBe(
      manifest.migrations.length,
    );
    expect(manifest.migrationHead).toBe(manifest.migrations.at(-1)?.revision);
  });

  it("hashes the same rows alike whatever their order, and others differently", async () => {
    const { pool } = data.database;
    const figuresOfNodes = async (tag: string) => {
      const { manifest } = await createBackup(data.ports, { tag });
      return manifest.tables.find((table) => table.name === "series")?.hash;
    };
    const before = await figuresOfNodes("order");
    await pool.query("CREATE TABLE kept AS SELECT * FROM series");
    await pool.query("UPDATE series SET thresholds = thresholds WHERE series_id = 1");
    expect(await figuresOfNodes("order")).toBe(before);
    await pool.query(`UPDATE series SET thresholds = '{"latencyMs": 5}' WHERE series_id = 1`);
    expect(await figuresOfNodes("order")).not.toBe(before);
    await pool.query("UPDATE series SET thresholds = '{}' WHERE series_id = 1");
    await pool.query("DROP TABLE kept");
  });

  it("hashes tables with columns that have no hash by their text", async () => {
    const { pool } = data.database;
    await pool.query("CREATE TABLE odd (j json, p point)");
    await pool.query(`INSERT INTO odd VALUES ('{"a":1}', '(1,2)')`);
    const { manifest } = await createBackup(data.ports, { tag: "odd" });
    await pool.query("DROP TABLE odd");
    const odd = manifest.tables.find((table) => table.name === "odd");
    expect(odd).toMatchObject({ rows: 1, class: null });
    expect(odd?.hash).not.toBe("0");
  });

  it("notes rights and settings that a dump does not carry", async () => {
    const { pool } = data.database;
    const { database } = data.ports;
    await pool.query(`ALTER DATABASE ${database} SET search_path = "$user", public, "Odd, name"`);
    await pool.query(`ALTER DATABASE ${database} SET work_mem = '5MB'`);
    await pool.query(`REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`);
    const { manifest } = await createBackup(data.ports, { tag: "rights" });
    await pool.query(`ALTER DATABASE ${database} RESET ALL`);
    await pool.query(`GRANT CONNECT ON DATABASE ${database} TO PUBLIC`);
    expect(manifest.settings).toEqual([
      `ALTER DATABASE :"database" SET search_path TO '$user', 'public', 'Odd, name'`,
      `ALTER DATABASE :"database" SET work_mem TO '5MB'`,
    ]);
    expect(manifest.acls).toEqual([
      'REVOKE ALL ON DATABASE :"database" FROM PUBLIC',
      'GRANT TEMPORARY ON DATABASE :"database" TO PUBLIC',
    ]);
  });

  it("holds partition care off while it runs, and no longer", async () => {
    let seen = false;
    const watching = (async () => {
      while (!seen) seen = await isBackupRunning(data.database.pool);
    })();
    await createBackup(data.ports, { tag: "care" });
    await watching;
    expect(await isBackupRunning(data.database.pool)).toBe(false);
  });

  it("makes partition care wait, and not ingest: neither waits for the dump's locks", async () => {
    const { pool } = data.database;
    const nextWeek = { nowMs: Date.now() + 8 * 86_400_000, daysAhead: 0, daysBack: 0 };
    const later = { nowMs: Date.now() + 30 * 86_400_000 };
    const seen: unknown[] = [];
    let asking: Promise<void> | null = null;
    const ask = async () => {
      seen.push(await ensurePartitions(pool, nextWeek), await dropExpiredPartitions(pool, later));
      await pool.query(
        "INSERT INTO samples (series_id, time, uptime_pct, packet_loss) VALUES (2, now(), 100, 0)",
      );
    };
    const ports = {
      ...data.ports,
      progress: () => {
        asking ??= ask();
      },
    };
    const { manifest } = await createBackup(ports, { tag: "upkeep" });
    await asking;
    expect(seen.slice(0, 2)).toEqual([{ kind: "backup-running" }, { kind: "backup-running" }]);
    // The sample came after the snapshot.
    expect(manifest.tables.find((table) => table.name === "samples")?.rows).toBe(3_000);
    expect(await ensurePartitions(pool, nextWeek)).toMatchObject({ kind: "done" });
    const { rows } = await pool.query(
      "DELETE FROM samples WHERE series_id = 2 AND latency_ms IS NULL RETURNING 1",
    );
    expect(rows).toHaveLength(1);
  });

  it("refuses a name that is taken and leaves the old backup alone", async () => {
    const first = await createBackup(data.ports, { tag: "named", name: "before-move" });
    await expect(
      createBackup(data.ports, { tag: "named", name: "before-move" }),
    ).rejects.toMatchObject({ code: "BACKUP_EXISTS" });
    expect(await hashFile(first.path)).toBe(first.manifest.file.sha256);
  });

  it("gives two backups of one second two names", async () => {
    const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 22, 10, 15) };
    const first = await createBackup({ ...data.ports, clock }, { tag: "twice" });
    const second = await createBackup({ ...data.ports, clock }, { tag: "twice" });
    expect(first.path).toMatch(/twice\/20261122T101500Z\.dump$/);
    expect(second.path).toMatch(/twice\/20261122T101501Z\.dump$/);
  });

  it("is taken by one at a time, and names the other", async () => {
    const both = await Promise.allSettled([
      createBackup(data.ports, { tag: "race" }),
      createBackup(data.ports, { tag: "race" }),
    ]);
    const lost = both.filter((one) => one.status === "rejected");
    expect(lost).toHaveLength(1);
    expect(lost[0]?.reason).toMatchObject({
      code: "BACKUP_RUNNING",
      message: expect.stringMatching(/server process \d+, client 127\.0\.0\.1/),
    });
  });

  it("never replaces a dump that a person put where the link goes", async () => {
    mkdirSync(join(data.stateDir, "backups"), { recursive: true });
    const own = join(data.stateDir, "backups/mine.dump");
    writeFileSync(own, "precious");
    await expect(createBackup(data.ports, { tag: "mine" })).rejects.toMatchObject({
      code: "BACKUP_LINK_TAKEN",
    });
    expect(readFileSync(own, "utf8")).toBe("precious");
  });

  it.each(["../etc", "", "a/b", ".hidden", "base", "x.dump"])("refuses the tag %j", async (tag) => {
    await expect(createBackup(data.ports, { tag })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("lists backups newest first", async () => {
    const listed = await listBackups(data.stateDir);
    const times = listed.map((one) => one.createdMs);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(listed.every((one) => one.manifest !== null)).toBe(true);
  });

  it("says that the server is away", async () => {
    const ports = { ...data.ports, admin: "postgres://postgres:x@127.0.0.1:1/postgres" };
    await expect(createBackup(ports, { tag: "away" })).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
  });
});
