import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sample } from "#contracts";
import { bucketStart, createRowBuffer } from "#db";
import { allRows, bytesOf, pickRows, rowsOfNode } from "../consume/message-rows.js";
import { makeSample } from "../ingest-log-conformance.itest-kit.js";
import { createBatches, messageOf } from "../jetstream-log/batches.js";
import { createGroup } from "../writer/group.js";
import { createSeriesCache } from "../writer/series-cache.js";
import { type ReadMessage, readMessage } from "./message-format.js";

const trace = { requestId: "r", traceId: "t" };
const figure = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null });
const count = fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: null });
const sampleArbitrary = fc
  .record({
    nodeId: fc.constantFrom("node-a", "node-b", "node-c"),
    region: fc.constantFrom("Accra", "São Tomé", "地域"),
    target: fc.constantFrom("", "192.0.2.1", "https://example.net/ü"),
    timeMs: fc.integer({ min: 946_684_800_000, max: 4_000_000_000_000 }),
    latencyMs: figure,
    latencyMinMs: figure,
    jitterMs: figure,
    sent: count,
    received: count,
    metadata: fc.option(fc.json(), { nil: null }),
  })
  .map((part) => makeSample({ ...part, check: part.target === "" ? "" : "icmp" }));
const samplesArbitrary = fc.array(sampleArbitrary, { minLength: 1, maxLength: 40 });

function encode(samples: readonly Sample[]): Buffer {
  const batches = createBatches();
  void batches.add(samples, trace, 0);
  const batch = batches.take();
  if (batch === undefined) throw new Error("nothing to take");
  return messageOf(batch);
}

function read(bytes: Uint8Array): ReadMessage {
  const message = readMessage(bytes);
  if (typeof message === "string") throw new Error(message);
  return message;
}

/** Ids by series, as a database would give them. */
function cacheOf(samples: readonly Sample[]) {
  const cache = createSeriesCache();
  const names = new Map(samples.map((s) => [`${s.nodeId} ${s.target}`, s]));
  cache.add({
    deletedNodes: [],
    series: [...names.values()].map(({ nodeId, target, check }, index) => ({
      nodeId,
      target,
      check,
      seriesId: 1_000 + index,
    })),
  });
  return cache;
}

/** The bytes that a writer hands to COPY for samples it was given as objects. */
function expected(samples: readonly Sample[]): Buffer {
  const cache = cacheOf(samples);
  const rows = createRowBuffer();
  for (const sample of samples) rows.write(cache.find(sample) ?? 0, sample);
  return Buffer.from(rows.slice(0, rows.length()));
}

describe("a message", () => {
  it("gives the writer the very bytes that it would have written itself", () => {
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        const message = read(encode(samples));
        const group = createGroup();
        expect(allRows(message).writeTo(group, cacheOf(samples))).toBe(true);
        const written = group.rows.slice(0, group.rows.length());
        expect(Buffer.compare(written, expected(samples))).toBe(0);
        expect(message.rowCount).toBe(samples.length);
        expect(group.hours).toEqual(
          new Set(samples.map((sample) => bucketStart("hourly", sample.timeMs))),
        );
        expect(group.nodeIds).toEqual(new Set(samples.map((sample) => sample.nodeId)));
        expect(message.traces).toEqual([trace]);
      }),
    );
  });

  it("can be taken apart row by row, and each part travels again", () => {
    fc.assert(
      fc.property(samplesArbitrary, fc.integer(), (samples, seed) => {
        const message = read(encode(samples));
        const indices = samples.flatMap((_, index) => ((index + seed) % 2 === 0 ? [index] : []));
        const part = read(bytesOf(pickRows(message, indices)));
        const picked = indices.flatMap((index) => samples[index] ?? []);
        const group = createGroup();
        expect(allRows(part).writeTo(group, cacheOf(picked))).toBe(true);
        const written = group.rows.slice(0, group.rows.length());
        expect(Buffer.compare(written, expected(picked))).toBe(0);
        expect(group.hours).toEqual(
          new Set(picked.map((sample) => bucketStart("hourly", sample.timeMs))),
        );
        expect(rowsOfNode(message, "node-a")).toEqual(
          samples.flatMap((sample, index) => (sample.nodeId === "node-a" ? [index] : [])),
        );
      }),
    );
  });

  it("names series that the writer does not know, and writes nothing then", () => {
    const message = read(encode([makeSample(), makeSample({ nodeId: "other" })]));
    const cache = cacheOf([makeSample()]);
    expect(
      allRows(message)
        .unknownSeries(cache)
        .map(({ nodeId }) => nodeId),
    ).toEqual(["other"]);
    expect(allRows(message).writeTo(createGroup(), cache)).toBe(false);
    expect(allRows(message).findNode(new Set(["other"]))).toBe("other");
  });

  it("that is damaged anywhere is refused, or holds other values and the same rows", () => {
    fc.assert(
      fc.property(
        samplesArbitrary,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (samples, at, flip) => {
          const bytes = encode(samples);
          const place = at % bytes.length;
          bytes[place] = (bytes[place] ?? 0) ^ flip;
          const message = readMessage(bytes);
          if (typeof message === "string") return;
          expect(message.starts).toHaveLength(message.rowCount);
          const rows = Buffer.from(message.rows);
          for (const start of message.starts) expect(rows.readInt16BE(start)).toBe(11);
        },
      ),
    );
  });

  it("cut short or garbage is told from a message", () => {
    const bytes = encode([makeSample(), makeSample({ metadata: '{"a":1}' })]);
    for (let size = 0; size < bytes.length; size++) {
      expect(typeof readMessage(bytes.subarray(0, size))).toBe("string");
    }
    expect(typeof readMessage(Buffer.concat([bytes, Buffer.from([0])]))).toBe("string");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        expect(typeof readMessage(garbage)).toBe("string");
      }),
    );
  });
});
