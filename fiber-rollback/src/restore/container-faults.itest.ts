import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createPool, type DbPool, upgrade } from "#db";
import { type PostgresContainer, requireDocker, startPostgresContainer } from "#testkit";
import { createBackup } from "../backup/create-backup.js";
import { fill, testPorts } from "../data.itest-kit.js";
import type { DataPorts } from "../ports.js";
import { missingFrom, NAMED_SAMPLES } from "./restore.itest-kit.js";
import {
  abortRestore,
  findUnfinished,
  prepareRestore,
  resumeRestore,
  startRestore,
} from "./restore.js";

const TIMES = { timeout: 300_000 };

describe.skipIf(!requireDocker())("a restore on a database in a container", TIMES, () => {
  let server: PostgresContainer;
  let stateDir: string;
  let ports: DataPorts;
  let pool: DbPool;

  async function open(options: { readonly volumeMb?: number; readonly rows: number }) {
    server = await startPostgresContainer(options);
    stateDir = mkdtempSync(join(tmpdir(), "fiber-container-"));
    ports = testPorts(server.url, stateDir);
    await upgrade({ connectionString: server.url });
    pool = createPool({
      connectionString: server.url,
      applicationName: "fiber-test",
      onError: () => undefined,
    });
    await fill(pool, options.rows);
  }
  afterEach(async () => {
    await pool?.end();
    server?.remove();
    if (stateDir) rmSync(stateDir, { recursive: true, force: true });
  }, 120_000);

  const rows = async (sql: string) =>
    (await pool.query(sql)).rows.map((row) => JSON.stringify(row));

  it.each([200, 900, 2_000])(
    "ends as an undisturbed one when the server is killed after %i ms and the restore resumed",
    async (afterMs) => {
      await open({ rows: 60_000 });
      const { path } = await createBackup(ports, { tag: "good" });
      const before = await rows(NAMED_SAMPLES);
      await pool.query("DELETE FROM samples WHERE series_id = 2");
      await pool.query(`INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
        SELECT 1, now() + n * interval '1 ms', n, 100, 0 FROM generate_series(1, 200) n`);
      const accepted = missingFrom(before, await rows(NAMED_SAMPLES));
      expect(accepted).toHaveLength(200);
      const plan = await prepareRestore(ports, { from: { kind: "dump", path } });
      const running = startRestore(ports, plan).then(
        () => null,
        (err: Error) => err,
      );
      await sleep(afterMs);
      server.kill();
      const failure = await running;
      await server.start();
      if ((await findUnfinished(stateDir)) !== null) await resumeRestore(ports);
      else if (failure !== null)
        await startRestore(ports, await prepareRestore(ports, { from: { kind: "dump", path } }));
      const after = await rows(NAMED_SAMPLES);
      expect(missingFrom(after, before)).toEqual([]);
      expect(missingFrom(after, accepted)).toEqual([]);
      expect(after.length).toBe(before.length + 200);
      expect(await rows("SELECT FROM ingest_fence")).toEqual([]);
    },
  );

  it("leaves the live database whole when the volume is full, and can be taken back", async () => {
    await open({ rows: 40_000, volumeMb: 260 });
    const { path } = await createBackup(ports, { tag: "good" });
    const before = await rows(NAMED_SAMPLES);
    const plan = await prepareRestore(ports, { from: { kind: "dump", path } });
    server.inVolume("dd if=/dev/zero of=filler bs=1M 2>/dev/null; truncate --size=-6M filler");
    const failure = await startRestore(ports, plan).then(
      () => null,
      (err: Error & { code?: string }) => err,
    );
    expect(failure).not.toBeNull();
    server.inVolume("rm filler");
    // A server that could not write its log has ended.
    await server.start();
    if ((await findUnfinished(stateDir)) !== null) await abortRestore(ports);
    expect(await rows(NAMED_SAMPLES)).toEqual(before);
    expect(await rows("SELECT FROM ingest_fence")).toEqual([]);
  });
});
