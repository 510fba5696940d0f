import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBackup } from "../backup/create-backup.js";
import { dropExpiredQuarantines, dropQuarantine, listQuarantines } from "./quarantine.js";
import {
  createTestRestore,
  missingFrom,
  NAMED_SAMPLES,
  type TestRestore,
} from "./restore.itest-kit.js";
import { prepareRestore, startRestore } from "./restore.js";

let data: TestRestore;
beforeEach(async () => {
  data = await createTestRestore();
});
afterEach(() => data.remove());

async function restore(options: { leaveSuspect?: boolean } = {}) {
  const plan = await prepareRestore(data.ports, {
    from: { kind: "dump", path: data.dump },
    ...options,
  });
  const report = await startRestore(data.ports, plan);
  return { plan, report };
}

async function undo() {
  const plan = await prepareRestore(data.ports, { from: { kind: "undo" } });
  const report = await startRestore(data.ports, plan);
  return { plan, report };
}

describe("a restore beside, carried over and swapped", () => {
  it("brings back what was changed and removed, and keeps what came since", async () => {
    const before = await data.rows(NAMED_SAMPLES);
    await data.pool.query(`
      UPDATE samples SET latency_ms = latency_ms * 10 WHERE series_id = 1;
      DELETE FROM samples WHERE series_id = 2;
      INSERT INTO nodes (node_id, country, region) VALUES ('probe-new', 'KE', 'Nairobi');
      INSERT INTO series (node_id, target, check_type) VALUES ('probe-new', '198.51.100.7', 'icmp');
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
        SELECT 4, now() + n * interval '1 ms', n, 100, 0 FROM generate_series(1, 50) n;
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
        VALUES (3, now() + interval '1 day', 12.345678901234, 100, 0)`);
    const { plan, report } = await restore();
    const after = await data.rows(NAMED_SAMPLES);
    expect(after).toHaveLength(before.length + 51);
    expect(missingFrom(after, before)).toEqual([]);
    expect(report.tables.find((one) => one.table === "samples")).toMatchObject({
      carried: 51,
      suspect: 1,
      refused: 0,
      returned: 1_000,
      differing: 1_000,
    });
    expect(await listQuarantines(data.ports)).toMatchObject([
      { database: plan.quarantine, restore: plan.id },
    ]);
  });

  it("drops the quarantine when its time is over, not before, and nothing that is none", async () => {
    const { plan } = await restore();
    expect(await dropExpiredQuarantines(data.ports)).toEqual([]);
    const later = Date.parse(plan.keepUntil) + 1;
    const clock = { ...data.ports.clock, now: () => later };
    expect(await dropExpiredQuarantines({ ...data.ports, clock })).toEqual([plan.quarantine]);
    await expect(dropQuarantine(data.ports, data.ports.database)).rejects.toMatchObject({
      code: "QUARANTINE_NOT_FOUND",
    });
    await expect(prepareRestore(data.ports, { from: { kind: "undo" } })).rejects.toMatchObject({
      code: "QUARANTINE_NOT_FOUND",
    });
  });

  it("keeps a revoked token revoked and a deleted node deleted", async () => {
    await data.pool.query(`
      INSERT INTO access_tokens (role, hash, label) VALUES ('admin', 'x', 'late')`);
    const { path } = await createBackup(data.ports, { tag: "tokens" });
    await data.pool.query(`
      UPDATE access_tokens SET revoked_at = now();
      UPDATE nodes SET deleted_at = now()`);
    const plan = await prepareRestore(data.ports, { from: { kind: "dump", path } });
    const report = await startRestore(data.ports, plan);
    expect(await data.rows("SELECT FROM access_tokens WHERE revoked_at IS NULL")).toEqual([]);
    expect(await data.rows("SELECT FROM nodes WHERE deleted_at IS NULL")).toEqual([]);
    expect(report.tables.find((one) => one.table === "nodes")).toMatchObject({ ended: 1 });
  });

  it("loses nothing that came since when it is undone", async () => {
    await data.pool.query("DELETE FROM samples WHERE series_id = 2");
    const broken = await data.rows(NAMED_SAMPLES);
    await restore();
    await data.pool.query(`
      INSERT INTO series (node_id, target, check_type) VALUES ('probe-1', '203.0.113.1', 'icmp');
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
        SELECT max(series_id), now(), 7.25, 100, 0 FROM series`);
    const { report } = await undo();
    const back = await data.rows(NAMED_SAMPLES);
    expect(missingFrom(back, broken)).toEqual([]);
    expect(back.filter((row) => row.includes('"latency_ms":7.25'))).toHaveLength(1);
    expect(report.outageMs).toBeLessThan(5_000);
  });
});
