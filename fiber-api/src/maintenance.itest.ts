import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { aggregatedSchema, maintenanceListSchema, seriesSchema, statusSchema } from "#contracts";
import { createPool } from "#db";
import { closeMaintenance, openMaintenance, readMaintenance, syncMaintenance } from "#rollback";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

const log = pino({ level: "silent" });
const HOUR = 3_600_000;
let api: TestApi;
let stateDir: string;
let nowMs: number;
const clock = { now: () => nowMs };
const REQUEST = {
  id: "20261122T101500Z-rollback",
  reason: "rollback to v1.0.0-mvp",
  openedBy: "ama@ops-1",
  forMs: HOUR,
};

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fiber-maintenance-"));
  nowMs = Date.now();
  await api.db.pool.query("TRUNCATE maintenance_windows");
  return () => rmSync(stateDir, { recursive: true });
});

const ports = () => ({ stateDir, db: api.db.pool, clock, log });
async function get(url: string) {
  const answer = await api.app.inject({ url, headers: await api.bearer("viewer") });
  expect(answer.statusCode).toBe(200);
  return answer.json();
}
/** The status is remembered for a second. */
async function freshStatus() {
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  return statusSchema.parse(await get("/api/status")).data.maintenance;
}

it("is said by the status while it is open, and not after it was closed", async () => {
  nowMs = Date.now() - 1_000;
  await openMaintenance(ports(), REQUEST);
  expect(await freshStatus()).toMatchObject({ id: REQUEST.id, open: true, opened_by: "ama@ops-1" });
  nowMs = Date.now();
  await closeMaintenance(ports(), REQUEST.id);
  expect(await freshStatus()).toBeNull();
  const { data } = maintenanceListSchema.parse(await get("/api/maintenance"));
  expect(data).toMatchObject([{ id: REQUEST.id, open: false }]);
});

it("ends by itself when nobody closes it", async () => {
  nowMs = Date.now() - 2 * HOUR;
  await openMaintenance(ports(), REQUEST);
  expect(await freshStatus()).toBeNull();
  const { data } = maintenanceListSchema.parse(await get("/api/maintenance"));
  expect(data).toMatchObject([{ closed_at: null, open: false }]);
});

it("is named beside the figures, and its samples are in them", async () => {
  const node = "probe-planned";
  const pushed = await api.app.inject({
    method: "POST",
    url: "/api/push",
    headers: await api.bearer("admin"),
    payload: makeSample({ node_id: node, timestamp: Date.now() - HOUR / 2, latency_ms: 20 }),
  });
  expect(pushed.statusCode).toBe(202);
  nowMs = Date.now() - HOUR;
  await openMaintenance(ports(), { ...REQUEST, id: "first" });
  await openMaintenance(ports(), { ...REQUEST, id: "second" });
  nowMs += HOUR / 2;
  await closeMaintenance(ports(), "first");
  await closeMaintenance(ports(), "second");
  const window = `start=${Date.now() - 2 * HOUR}&end=${Date.now()}`;
  const { data } = aggregatedSchema.parse(
    await get(`/api/metrics/aggregated?dimension=node&${window}`),
  );
  // Two windows over the same half hour are half an hour.
  expect(data.maintenance_min).toBeCloseTo(30, 0);
  expect(data.groups.find((group) => group.key === node)).toMatchObject({ samples: 1 });
  const series = seriesSchema.parse(await get(`/api/series?node_id=${node}&${window}`)).data;
  expect(series.maintenance.map((one) => one.id).sort()).toEqual(["first", "second"]);
  expect(series.points.filter((point) => point.latency_median_ms === 20)).toHaveLength(1);
});

it("opened while the database is away is in the state folder, and copied when it is back", async () => {
  const away = createPool({
    connectionString: "postgres://postgres@127.0.0.1:1/x",
    applicationName: "test",
    onError: () => {},
  });
  await openMaintenance({ ...ports(), db: away }, REQUEST);
  await away.end();
  expect(await readMaintenance(stateDir)).toMatchObject([{ id: REQUEST.id, closedMs: null }]);
  expect((await get("/api/maintenance")).data).toEqual([]);
  expect(await syncMaintenance(stateDir, api.db.pool, clock)).toBe(1);
  expect(await syncMaintenance(stateDir, api.db.pool, clock)).toBe(0);
  expect((await get("/api/maintenance")).data).toHaveLength(1);
});

it("opened again keeps its beginning, closed again its end", async () => {
  const first = await openMaintenance(ports(), REQUEST);
  nowMs += 60_000;
  const again = await openMaintenance(ports(), REQUEST);
  expect(again).toMatchObject({ openedMs: first.openedMs, endsByMs: nowMs + HOUR });
  const closed = await closeMaintenance(ports(), REQUEST.id);
  nowMs += 60_000;
  expect(await closeMaintenance(ports(), REQUEST.id)).toEqual(closed);
  expect(await closeMaintenance(ports(), "never-opened")).toBeNull();
});
