import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBase } from "../wal/create-base.js";
import { createRestorePoint } from "../wal/restore-points.js";
import { type ArchivingServer, startArchivingServer } from "../wal/wal.itest-kit.js";
import { missingFrom, NAMED_SAMPLES } from "./restore.itest-kit.js";
import { prepareRestore, startRestore } from "./restore.js";

let at: ArchivingServer;
beforeAll(async () => {
  at = await startArchivingServer();
  await createBase(at.ports);
}, 120_000);
afterAll(() => at.remove());

const samples = async () =>
  (await at.pool.query(NAMED_SAMPLES)).rows.map((row) => JSON.stringify(row));

describe("a restore from the WAL archive", () => {
  it("brings back a restore point exactly and carries over what came later", async () => {
    const before = await samples();
    await createRestorePoint(at.ports, "before-the-lie");
    await at.pool.query("UPDATE samples SET latency_ms = 1");
    await at.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT 1, now() + n * interval '1 ms', 2, 100, 0 FROM generate_series(1, 9) n`);
    const plan = await prepareRestore(at.ports, {
      from: { kind: "recovery", point: "before-the-lie" },
    });
    expect(plan.steps[0]).toMatchObject({ id: "recover" });
    const report = await startRestore(at.ports, plan);
    const after = await samples();
    expect(missingFrom(after, before)).toEqual([]);
    expect(after).toHaveLength(before.length + 9);
    expect(report.tables.find((one) => one.table === "samples")).toMatchObject({ carried: 9 });
  }, 180_000);

  it("brings back a moment", async () => {
    const before = await samples();
    const { rows } = await at.pool.query<{ now: Date }>("SELECT clock_timestamp() AS now");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await at.pool.query("DELETE FROM samples WHERE series_id = 2");
    const time = rows[0]?.now.toISOString() ?? "";
    const plan = await prepareRestore(at.ports, { from: { kind: "recovery", time } });
    await startRestore(at.ports, plan);
    expect(await samples()).toEqual(before);
  }, 180_000);
});
