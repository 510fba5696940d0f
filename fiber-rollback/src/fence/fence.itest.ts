import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppendOutcome, IngestLog, Sample } from "#contracts";
import { exportSnapshot, releaseSnapshot, withSession } from "#db";
import { createDirectLog, etlConfigSchema } from "#etl";
import { createLogger, systemClock } from "#runtime";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { fenceIngest, ingestFence, liftIngestFence } from "./fence.js";

let data: TestData;
let logs: readonly IngestLog[];
beforeAll(async () => {
  data = await createTestData(10);
  const config = etlConfigSchema.parse({ FIBER_DATABASE_URL: data.database.url });
  const log = createLogger({ role: "test", level: "silent" });
  // Two APIs' writers.
  logs = [createDirectLog({ config, log }), createDirectLog({ config, log })];
});
afterAll(async () => {
  for (const log of logs) await log.close();
  await data.remove();
});

let next = Date.now() - 3_600_000;
const sample = (): Sample => ({
  nodeId: "probe-1",
  country: "GH",
  region: "Accra",
  target: "192.0.2.1",
  check: "icmp",
  timeMs: next++,
  latencyMs: 20,
  latencyMinMs: null,
  latencyMaxMs: null,
  jitterMs: null,
  uptimePct: 100,
  packetLoss: 0,
  sent: null,
  received: null,
  metadata: null,
});
const trace = { requestId: "r", traceId: "t" };
const stored = async () =>
  (await data.database.pool.query<{ n: number }>("SELECT count(*)::int AS n FROM samples")).rows[0]
    ?.n;

/** Pushes without pause through one log until stopped; tells how often each outcome was. */
function load(log: IngestLog) {
  let running = true;
  const outcomes: AppendOutcome[] = [];
  const worker = async () => {
    while (running) {
      const outcome = await log.append([sample()], trace);
      outcomes.push(outcome);
      if (outcome.kind !== "stored") await systemClock.sleep(5);
    }
  };
  const workers = Array.from({ length: 4 }, worker);
  return {
    outcomes,
    async stop() {
      running = false;
      await Promise.all(workers);
    },
  };
}

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await systemClock.sleep(5);
};

describe("the ingest fence", () => {
  it("lets nothing be stored after it was raised, time after time, under load", async () => {
    const before = (await stored()) ?? 0;
    const loads = logs.map(load);
    for (let round = 0; round < 20; round++) {
      const sofar = loads.map((one) => one.outcomes.length);
      await until(() => loads.every((one, at) => one.outcomes.length > (sofar[at] ?? 0) + 20));
      await fenceIngest(data.ports, { reason: "test", forMs: 60_000 });
      const atFence = await stored();
      await systemClock.sleep(30);
      expect(await stored()).toBe(atFence);
      expect(await liftIngestFence(data.ports)).toBe(true);
      await until(() => loads.every((one) => one.outcomes.at(-1)?.kind === "stored"));
    }
    for (const one of loads) await one.stop();
    const outcomes = loads.flatMap((one) => one.outcomes);
    const acknowledged = outcomes.filter((one) => one.kind === "stored").length;
    expect(await stored()).toBe(before + acknowledged);
    const refused = outcomes.filter((one) => one.kind !== "stored");
    expect(refused.length).toBeGreaterThan(20);
    expect(refused.every((one) => one.kind === "refused" && one.code === "INGEST_FENCED")).toBe(
      true,
    );
  });

  it("waits for a write in flight, and says so when it does not end", async () => {
    const { pool } = data.database;
    const writer = await pool.connect();
    await writer.query("BEGIN");
    // The guard of a sample writer, as sample-writer.ts sends it.
    await writer.query(
      "SELECT EXISTS (SELECT FROM ingest_fence WHERE expires_at > clock_timestamp() FOR KEY SHARE)",
    );
    let raised = false;
    const fence = fenceIngest(data.ports, { reason: "waits", forMs: 60_000 }).then(() => {
      raised = true;
    });
    await systemClock.sleep(150);
    expect(raised).toBe(false);
    await writer.query("COMMIT");
    writer.release();
    await fence;
    await liftIngestFence(data.ports);
  });

  it("is not held up by a dump, nor by readers", async () => {
    await withSession(data.database.url, async (session) => {
      await exportSnapshot(session);
      // What pg_dump holds on every table until its end.
      await session.query("LOCK TABLE ingest_fence IN ACCESS SHARE MODE");
      const fenced = await fenceIngest(data.ports, { reason: "backup runs", forMs: 60_000 });
      expect(fenced.tookMs).toBeLessThan(5_000);
      await liftIngestFence(data.ports);
      await releaseSnapshot(session);
    });
  });

  it("ends by itself", async () => {
    await fenceIngest(data.ports, { reason: "short", forMs: 300 });
    expect(await ingestFence(data.ports)).toMatchObject({ reason: "short" });
    await until(async () => (await ingestFence(data.ports)) === null);
    await until(async () => (await logs[0]?.append([sample()], trace))?.kind === "stored");
    expect(await liftIngestFence(data.ports)).toBe(false);
  });

  it("is honoured by a writer that starts while it stands", async () => {
    await fenceIngest(data.ports, { reason: "restart", forMs: 60_000 });
    const config = etlConfigSchema.parse({ FIBER_DATABASE_URL: data.database.url });
    const log = createLogger({ role: "test", level: "silent" });
    const fresh = createDirectLog({ config, log });
    const count = await stored();
    await until(async () => {
      const outcome = await fresh.append([sample()], trace);
      return outcome.kind === "refused" && outcome.code === "INGEST_FENCED";
    });
    expect(fresh.status().fenced).toBe(true);
    expect(await stored()).toBe(count);
    await fresh.close();
    await liftIngestFence(data.ports);
  });

  it("names whom it replaces, and is lifted by its own or by anybody", async () => {
    await fenceIngest(data.ports, { reason: "deploy", forMs: 60_000, raisedBy: "deploy v2" });
    const second = await fenceIngest(data.ports, { reason: "mine", forMs: 60_000, raisedBy: "me" });
    expect(second.replaced).toMatchObject({ reason: "deploy", raisedBy: "deploy v2" });
    expect(await liftIngestFence(data.ports, "deploy v2")).toBe(false);
    expect(await ingestFence(data.ports)).toMatchObject({ reason: "mine" });
    expect(await liftIngestFence(data.ports, "me")).toBe(true);
  });

  it("refuses endless fences and says when there are no tables yet", async () => {
    const order = { reason: "x", forMs: 25 * 3_600_000 };
    await expect(fenceIngest(data.ports, order)).rejects.toMatchObject({ code: "USAGE" });
    await expect(
      fenceIngest({ ...data.ports, database: "postgres" }, { reason: "x", forMs: 1_000 }),
    ).rejects.toMatchObject({ code: "SCHEMA_BEHIND" });
  });

  it("says that the server is away", async () => {
    const ports = { ...data.ports, admin: "postgres://postgres:x@127.0.0.1:1/postgres" };
    await expect(ingestFence(ports)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
