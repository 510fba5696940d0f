import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createPool, type DbPool, upgrade } from "#db";
import { mustRun } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import { fill, testPorts } from "../data.itest-kit.js";
import type { DataPorts } from "../ports.js";
import { createBase } from "../wal/create-base.js";
import { createRestorePoint } from "../wal/restore-points.js";
import { NAMED_SAMPLES } from "./restore.itest-kit.js";
import { prepareRestore, startRestore } from "./restore.js";

// A server that we did not set up: it archives with PostgreSQL's own documented command into a
// folder of its own, and our state folder lies elsewhere.
let root: string;
let archive: string;
let stateDir: string;
let server: ScratchPostgres;
let pool: DbPool;
let ports: DataPorts;
beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "fiber-foreign-")));
  await mustRun(["chmod", "711", root]);
  archive = join(root, "archive");
  stateDir = join(root, "state");
  mkdirSync(stateDir, { mode: 0o711 });
  server = await startScratchPostgres({
    settings: {
      wal_level: "replica",
      archive_mode: "on",
      archive_command: `test ! -f "${archive}/%f" && cp "%p" "${archive}/%f"`,
    },
  });
  mkdirSync(archive, { mode: 0o755 });
  const { uid } = statSync(`/proc/${server.pid}`);
  if (uid !== process.getuid?.()) await mustRun(["chown", String(uid), archive]);
  const url = server.url("fiberstack");
  ports = testPorts(url, stateDir);
  await upgrade({ connectionString: url });
  pool = createPool({ connectionString: url, applicationName: "t", onError() {} });
  await fill(pool, 500);
}, 120_000);
afterAll(async () => {
  await pool.end();
  await server.remove();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => vi.stubEnv("FIBER_WAL_ARCHIVE", archive));
afterEach(() => vi.unstubAllEnvs());

const samples = async () =>
  (await pool.query(NAMED_SAMPLES)).rows.map((row) => JSON.stringify(row));

describe("a server that archives to a folder of its own", () => {
  it("is taken back to a restore point", async () => {
    await createBase(ports);
    const before = await samples();
    await createRestorePoint(ports, "before-the-lie");
    await pool.query("UPDATE samples SET latency_ms = 1; DELETE FROM samples WHERE series_id = 2");
    const plan = await prepareRestore(ports, {
      from: { kind: "recovery", point: "before-the-lie" },
    });
    await startRestore(ports, plan);
    expect(await samples()).toEqual(before);
    expect(readdirSync(archive).filter((name) => /^[0-9A-F]{24}$/.test(name))).not.toEqual([]);
    expect(readdirSync(join(stateDir, "postgres/scratch"))).toEqual([]);
  }, 180_000);

  it("names the folder where the archive is looked for when it is another", async () => {
    vi.stubEnv("FIBER_WAL_ARCHIVE", join(root, "elsewhere"));
    const plan = await prepareRestore(ports, {
      from: { kind: "recovery", point: "before-the-lie" },
    });
    let ms = Date.now();
    const now = () => {
      ms += 5_000;
      return ms;
    };
    const clock = { ...ports.clock, now, sleep: async () => {} };
    await expect(startRestore({ ...ports, clock }, plan)).rejects.toMatchObject({
      code: "ARCHIVE_STUCK",
      message: expect.stringMatching(/elsewhere|FIBER_WAL_ARCHIVE/),
    });
  });
});
