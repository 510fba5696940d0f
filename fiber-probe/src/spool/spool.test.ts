import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "#runtime";
import { decodeFrames, encodeFrames, scanFrames } from "./frames.js";
import { openSpool, type Spool } from "./spool.js";

const log = createLogger({ role: "test", level: "silent" });
const root = mkdtempSync(join(tmpdir(), "fiber-spool-"));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, `${++count}`);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ALL = { maxRecords: 1_000_000, maxBytes: 1_000_000_000 };
const open = (limits: { maxSamples?: number; maxBytes?: number } = {}, path = folder) =>
  openSpool({ path, maxSamples: 1_000, maxBytes: 1_000_000, log, ...limits });
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `record ${from + i}`);

/** Everything that is left, acked on the way. */
function drain(spool: Spool, maxRecords = 7): string[] {
  const records: string[] = [];
  for (let batch = spool.peek({ ...ALL, maxRecords }); batch !== null; ) {
    records.push(...batch.records);
    spool.ack(batch);
    batch = spool.peek({ ...ALL, maxRecords });
  }
  return records;
}

describe("frames", () => {
  test("are read back; damage anywhere leaves a whole prefix", () => {
    const records = fc.array(fc.string({ minLength: 1, unit: "grapheme" }), { maxLength: 20 });
    fc.assert(
      fc.property(records, fc.nat(), fc.nat({ max: 254 }), (list, at, flip) => {
        const { bytes, ends } = encodeFrames(list);
        expect(scanFrames(bytes)).toEqual(ends);
        expect(decodeFrames(bytes)).toEqual(list);
        if (bytes.length === 0) return;
        const damaged = Buffer.from(bytes);
        const offset = at % bytes.length;
        damaged[offset] = (damaged[offset] ?? 0) ^ (flip + 1);
        const whole = scanFrames(damaged);
        expect(ends.slice(0, whole.length)).toEqual(whole);
        expect(whole.every((end) => end <= offset)).toBe(true);
      }),
    );
  });

  test("zeros are damage, not empty records", () => {
    expect(scanFrames(Buffer.alloc(64))).toEqual([]);
  });
});

describe("a spool", () => {
  test("hands out in order, once, across restarts", () => {
    const first = open();
    first.append(numbers(1, 20));
    const batch = first.peek({ ...ALL, maxRecords: 5 });
    expect(batch?.records).toEqual(numbers(1, 5));
    if (batch !== null) first.ack(batch);
    first.close();
    const second = open();
    expect(second.counts().samples).toBe(15);
    second.append(numbers(21, 22));
    expect(drain(second)).toEqual(numbers(6, 22));
    second.close();
    expect(readdirSync(folder)).toEqual(["position"]);
  });

  test("keeps the byte limit of a batch, but always gives one record", () => {
    const spool = open();
    spool.append(["x".repeat(500), "y".repeat(500), "z"]);
    expect(spool.peek({ maxRecords: 10, maxBytes: 600 })?.records).toHaveLength(1);
    expect(spool.peek({ maxRecords: 10, maxBytes: 1 })?.records).toHaveLength(1);
    spool.close();
  });

  test("drops the oldest beyond its samples, and counts them for good", () => {
    const spool = open({ maxSamples: 100 });
    spool.append(numbers(1, 90));
    spool.append(numbers(91, 130));
    expect(spool.counts()).toMatchObject({ samples: 100, dropped: 30 });
    spool.append(numbers(131, 400));
    expect(spool.counts()).toMatchObject({ samples: 100, dropped: 300 });
    spool.close();
    const again = open({ maxSamples: 100 });
    expect(again.counts().dropped).toBe(300);
    expect(drain(again)).toEqual(numbers(301, 400));
    again.close();
  });

  test("stays within its bytes", () => {
    const spool = open({ maxBytes: 64 * 1_024 });
    for (let i = 0; i < 200; i++) spool.append(["x".repeat(1_000)]);
    const onDisk = readdirSync(folder)
      .filter((name) => name.endsWith(".seg"))
      .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(onDisk).toBeLessThanOrEqual(64 * 1_024);
    const { samples, dropped } = spool.counts();
    expect(samples + dropped).toBe(200);
    expect(samples).toBeGreaterThan(40);
    spool.close();
  });

  test("does not count as dropped what arrived although its room was taken", () => {
    const spool = open({ maxSamples: 100 });
    spool.append(numbers(1, 100));
    const batch = spool.peek({ ...ALL, maxRecords: 50 });
    spool.append(numbers(101, 130));
    expect(spool.counts().dropped).toBe(30);
    if (batch !== null) spool.ack(batch);
    expect(spool.counts()).toMatchObject({ samples: 80, dropped: 0 });
    spool.close();
  });

  test("a second probe on the folder is refused and told why", () => {
    const spool = open();
    expect(() => open()).toThrow(/in use by process \d+.*spool\.path/);
    spool.close();
    open().close();
  });

  test("a lost position sends again rather than losing", () => {
    const spool = open();
    spool.append(numbers(1, 10));
    const batch = spool.peek({ ...ALL, maxRecords: 5 });
    if (batch !== null) spool.ack(batch);
    spool.close();
    rmSync(join(folder, "position"));
    const again = open();
    expect(drain(again)).toEqual(numbers(1, 10));
    again.close();
  });
});

type Step =
  | { readonly do: "append"; readonly records: number }
  | { readonly do: "ack"; readonly records: number }
  | { readonly do: "sync" }
  | { readonly do: "crash"; readonly cut: number; readonly garbage: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("append" as const), records: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant("ack" as const), records: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant("sync" as const) }),
  fc.record({ do: fc.constant("crash" as const), cut: fc.nat(), garbage: fc.boolean() }),
);

/** Ends the spool as a power cut would: anything after the last sync may be missing or garbage. */
function crash(spool: Spool, path: string, syncedBytes: number, cut: number, garbage: boolean) {
  spool.close();
  const newest = readdirSync(path)
    .filter((name) => name.endsWith(".seg"))
    .sort()
    .at(-1);
  if (newest === undefined) return;
  const file = join(path, newest);
  const { size } = statSync(file);
  const unsynced = Math.max(0, size - syncedBytes);
  truncateSync(file, size - (unsynced === 0 ? 0 : cut % (unsynced + 1)));
  if (garbage) appendFileSync(file, Buffer.from([9, 0, 0, 0, 1, 2, 3, 4, 5]));
}

test("whatever is appended, acked and crashed: nothing synced is lost, nothing acked comes again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const path = join(root, `model-${++count}`);
      let spool = open({}, path);
      let next = 1;
      let acked = 0;
      let synced = 0;
      for (const action of steps) {
        if (action.do === "append") {
          spool.append(numbers(next, next + action.records - 1));
          next += action.records;
        } else if (action.do === "ack") {
          const batch = spool.peek({ ...ALL, maxRecords: action.records });
          if (batch === null) continue;
          expect(batch.records).toEqual(numbers(acked + 1, acked + batch.records.length));
          acked += batch.records.length;
          spool.ack(batch);
        } else if (action.do === "sync") {
          spool.sync();
          synced = next - 1;
        } else {
          crash(spool, path, bytesOf(path, synced), action.cut, action.garbage);
          spool = open({}, path);
          const left = spool.peek(ALL)?.records ?? [];
          const kept = acked + spool.counts().samples;
          // In order, from the first that was not acked, up to the synced ones at least.
          expect(left).toEqual(numbers(acked + 1, acked + left.length));
          expect(kept).toBeGreaterThanOrEqual(Math.max(acked, synced));
          next = kept + 1;
          synced = kept;
        }
      }
      spool.close();
    }),
    { numRuns: 150 },
  );
});

/** Bytes that the synced records take in the newest segment. */
function bytesOf(path: string, synced: number): number {
  const newest = readdirSync(path)
    .filter((name) => name.endsWith(".seg"))
    .sort()
    .at(-1);
  if (newest === undefined) return 0;
  const file = readFileSync(join(path, newest));
  const [oldest] = decodeFrames(file.subarray(0, scanFrames(file)[0] ?? 0));
  const first = Number(oldest?.split(" ")[1]);
  return synced < first ? 0 : encodeFrames(numbers(first, synced)).bytes.length;
}
