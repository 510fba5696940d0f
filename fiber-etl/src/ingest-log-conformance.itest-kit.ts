import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { IngestLog, IngestTrace, Sample } from "#contracts";
import type { DbPool } from "#db";

/** One adapter of IngestLog on an empty, migrated database. */
export interface IngestLogUnderTest {
  readonly log: IngestLog;
  /** The database that its samples end in. */
  readonly pool: DbPool;
  /** Opens another log of the same kind on the same database; the caller closes it. */
  openAnother(): IngestLog;
  /** Resolves when everything that was acknowledged is in the database. */
  applied(): Promise<void>;
  /** Ends what was opened; the log may be closed already. */
  end(): Promise<void>;
}

const trace: IngestTrace = { requestId: "conformance", traceId: "conformance" };

/** A sample of `conformance-node`; `part` replaces what a test is about. */
export function makeSample(part: Partial<Sample> = {}): Sample {
  return {
    nodeId: "conformance-node",
    country: "GH",
    region: "Accra",
    target: "192.0.2.1",
    check: "icmp",
    timeMs: Date.now(),
    latencyMs: 12.5,
    latencyMinMs: 10,
    latencyMaxMs: 20,
    jitterMs: 1.25,
    sent: 10,
    received: 10,
    uptimePct: 100,
    packetLoss: 0,
    metadata: null,
    ...part,
  };
}

/** Every stored sample, by identity; values as PostgreSQL tells them. */
export async function readStored(pool: DbPool): Promise<readonly Sample[]> {
  const { rows } = await pool.query<Sample>(
    `SELECT n.node_id AS "nodeId", n.country, n.region, s.target, s.check_type AS "check",
            (extract(epoch FROM time) * 1000)::float8 AS "timeMs", latency_ms AS "latencyMs",
            latency_min_ms AS "latencyMinMs", latency_max_ms AS "latencyMaxMs",
            jitter_ms AS "jitterMs", sent, received, uptime_pct AS "uptimePct",
            packet_loss AS "packetLoss", metadata::text AS metadata
       FROM samples JOIN series s USING (series_id) JOIN nodes n USING (node_id)
      ORDER BY n.node_id, s.target, s.check_type, time`,
  );
  return rows;
}

/**
 * What every IngestLog must do, whatever carries it. Run it from an itest of the adapter.
 *
 * @param open gives each test an adapter on an empty database
 */
export function testIngestLogConformance(
  name: string,
  open: () => Promise<IngestLogUnderTest>,
): void {
  describe(`IngestLog conformance: ${name}`, () => {
    let under: IngestLogUnderTest;
    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.end());

    describe("storing", () => testStoring(() => under));
    describe("duplicates", () => testDuplicates(() => under));
    describe("refusing", () => testRefusing(() => under));
  });
}

function testStoring(under: () => IngestLogUnderTest): void {
  it("has a sample in the database when it says stored, every value exact", async () => {
    const { log, pool, applied } = under();
    const sample = makeSample({
      latencyMs: 0.1 + 0.2,
      latencyMinMs: Number.MIN_VALUE,
      latencyMaxMs: 59_999.999_999_999_99,
      jitterMs: 0,
      sent: 10_000,
      received: 0,
      uptimePct: 33.333_333_333_333_336,
      packetLoss: 66.666_666_666_666_67,
      metadata: '{"a": [1, "ü€😀", null]}',
    });
    expect(await log.append([sample], trace)).toEqual({ kind: "stored" });
    await applied();
    expect(await readStored(pool)).toEqual([sample]);
  });

  it("keeps null apart from zero, and summaries apart from targets", async () => {
    const { log, pool, applied } = under();
    const summary = makeSample({
      target: "",
      check: "",
      latencyMs: null,
      latencyMinMs: null,
      latencyMaxMs: null,
      jitterMs: null,
      sent: null,
      received: null,
      uptimePct: 0,
      packetLoss: 100,
    });
    const target = makeSample({ timeMs: summary.timeMs, latencyMs: 0 });
    await log.append([summary, target], trace);
    await applied();
    expect(await readStored(pool)).toEqual([summary, target]);
  });

  it("takes many appends at once, of many series, each sample once", async () => {
    const { log, pool, applied } = under();
    const base = Date.now();
    const batches = Array.from({ length: 40 }, (_, batch) =>
      Array.from({ length: 50 }, (_, index) =>
        makeSample({
          nodeId: `node-${batch % 7}`,
          target: `host-${index % 5}`,
          timeMs: base - batch * 1_000 - index,
          latencyMs: batch + index / 100,
        }),
      ),
    );
    const outcomes = await Promise.all(batches.map((batch) => log.append(batch, trace)));
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(["stored"]));
    await applied();
    expect(byIdentity(await readStored(pool))).toEqual(byIdentity(batches.flat()));
    await until(async () => log.status().depth === 0);
    expect(log.status()).toMatchObject({ depth: 0, lagS: 0, fenced: false });
  });

  it("stores nothing for an empty append and says so at once", async () => {
    const { log, pool } = under();
    expect(await log.append([], trace)).toEqual({ kind: "stored" });
    expect(await readStored(pool)).toEqual([]);
  });
}

function testDuplicates(under: () => IngestLogUnderTest): void {
  it("stores a sample once that comes twice in one append, the first one's values", async () => {
    const { log, pool, applied } = under();
    const first = makeSample({ latencyMs: 1 });
    const again = { ...first, latencyMs: 2 };
    expect(await log.append([first, again, first], trace)).toEqual({ kind: "stored" });
    await applied();
    expect(await readStored(pool)).toEqual([first]);
  });

  it("stores a sample once that comes again later, and what is new beside it", async () => {
    const { log, pool, applied } = under();
    const known = makeSample({ timeMs: Date.now() - 10, latencyMs: 1 });
    const fresh = makeSample({ timeMs: known.timeMs + 5, latencyMs: 2 });
    await log.append([known], trace);
    await applied();
    expect(await log.append([{ ...known, latencyMs: 9 }, fresh], trace)).toEqual({
      kind: "stored",
    });
    await applied();
    expect(await readStored(pool)).toEqual([known, fresh]);
  });

  it("stores a sample once that comes by several logs at the same moment", async () => {
    const { log, pool, openAnother, applied } = under();
    const other = openAnother();
    try {
      // A log that is new may have to connect first.
      await until(async () => (await other.append([makeSample()], trace)).kind === "stored");
      await applied();
      await pool.query("DELETE FROM samples");
      const base = Date.now();
      const all = Array.from({ length: 400 }, (_, index) => makeSample({ timeMs: base - index }));
      const backwards = all.toReversed();
      const outcomes = await Promise.all(
        [all, backwards, all, backwards].flatMap((list, index) =>
          [0, 100, 200, 300].map((from) =>
            (index % 2 === 0 ? log : other).append(list.slice(from, from + 100), trace),
          ),
        ),
      );
      expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(["stored"]));
      await applied();
      expect(await readStored(pool)).toEqual(backwards);
    } finally {
      await other.close();
    }
  });
}

function testRefusing(under: () => IngestLogUnderTest): void {
  it("names the soft-deleted node, keeps nothing of the append, revives nothing", async () => {
    const { log, pool } = under();
    await pool.query(
      "INSERT INTO nodes (node_id, country, region, deleted_at) VALUES ('gone', 'GH', 'Accra', now())",
    );
    const outcome = await log.append([makeSample(), makeSample({ nodeId: "gone" })], trace);
    expect(outcome).toEqual({ kind: "node-deleted", nodeId: "gone" });
    expect(await readStored(pool)).toEqual([]);
    const { rows } = await pool.query("SELECT deleted_at FROM nodes WHERE node_id = 'gone'");
    expect(rows[0]?.deleted_at).not.toBeNull();
  });

  it("refuses while ingest is fenced and takes samples again when the fence has expired", async () => {
    const { log, pool, applied } = under();
    await log.append([makeSample()], trace);
    await applied();
    await pool.query(
      `INSERT INTO ingest_fence (reason, raised_by, expires_at)
       VALUES ('migration', 'test', clock_timestamp() + interval '3 s')`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const late = makeSample({ timeMs: Date.now() - 1 });
    const refused = await log.append([late], trace);
    expect(refused).toMatchObject({ kind: "refused", code: "INGEST_FENCED" });
    expect(await readStored(pool)).toHaveLength(1);
    await until(async () => (await log.append([late], trace)).kind === "stored");
    const { rows } = await pool.query("SELECT FROM ingest_fence WHERE expires_at > now()");
    expect(rows).toHaveLength(0);
    await applied();
    expect(await readStored(pool)).toHaveLength(2);
  });

  it("finishes what is in flight when it closes, and refuses what comes after", async () => {
    const { log, pool, applied } = under();
    const base = Date.now();
    const appends = Array.from({ length: 20 }, (_, index) =>
      log.append([makeSample({ timeMs: base - index })], trace),
    );
    await log.close();
    const outcomes = await Promise.all(appends);
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(["stored"]));
    expect(await log.append([makeSample()], trace)).toMatchObject({ code: "SHUTTING_DOWN" });
    await applied();
    expect(await readStored(pool)).toHaveLength(20);
  });
}

function byIdentity(samples: readonly Sample[]): ReadonlyMap<string, Sample> {
  return new Map(samples.map((s) => [`${s.nodeId}|${s.target}|${s.check}|${s.timeMs}`, s]));
}

/** Waits until a condition holds; the test's own time-out ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
