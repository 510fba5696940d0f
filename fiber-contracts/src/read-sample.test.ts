import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHECK_TYPES } from "./check-types.js";
import { readSample } from "./read-sample.js";
import { PUSH_LIMITS, type WireSample, wireSampleSchema } from "./sample.js";
import { isRefusal } from "./sample-refusal.js";

const NOW_MS = Date.UTC(2026, 4, 13, 10);
const limits = { nowMs: NOW_MS, rawRetentionMs: 7 * 86_400_000 };
// Without limits of time, so that what remains is the schema.
const timeless = { nowMs: 253_402_300_799_999, rawRetentionMs: Number.POSITIVE_INFINITY };

const valid: WireSample = {
  node_id: "probe-gh-accra",
  country: "GH",
  region: "Accra",
  latency_ms: 12.5,
  uptime_pct: 100,
  packet_loss: 0,
  timestamp: NOW_MS,
};

const badOf = (fields: Record<string, unknown>, at: typeof limits = limits) => {
  const result = readSample({ ...valid, ...fields }, at);
  return isRefusal(result) ? result.code : "accepted";
};

/** Values that are right for some field, next to right, or hostile. */
const anyFieldValue = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    "",
    ".",
    "..",
    "../etc",
    "GH",
    "gh",
    "GHA",
    "icmp",
    "dns",
    "ICMP",
    "Åbo",
    "a\0b",
    "\ud800",
    "😀".repeat(64),
    "x".repeat(253),
    "x".repeat(254),
    0,
    -0,
    -1,
    1.5,
    100,
    100.000001,
    60_000,
    60_000.1,
    10_000,
    10_001,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    253_402_300_799_999,
    253_402_300_800_000,
    2 ** 53,
    "2026-05-13T10:00:00Z",
    "2026-05-13T10:00:00.123456+05:30",
    "2026-05-13T10:00:00",
    "2026-05-13T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "yesterday",
    [],
    {},
    true,
  ),
  fc.double({ min: -10, max: 70_000 }),
  fc.integer(),
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
  fc.json().map((text) => JSON.parse(text) as unknown),
);

const validSample = fc.record(
  {
    node_id: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    country: fc.stringMatching(/^[A-Z]{2}$/),
    region: fc.string({ minLength: 1, maxLength: 64, unit: "grapheme-ascii" }),
    latency_ms: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
    uptime_pct: fc.double({ min: 0, max: 100, noNaN: true }),
    packet_loss: fc.double({ min: 0, max: 100, noNaN: true }),
    timestamp: fc.oneof(
      fc.integer({ min: 0, max: NOW_MS }),
      fc
        .date({ min: new Date(0), max: new Date(NOW_MS), noInvalidDate: true })
        .map((d) => d.toISOString()),
    ),
    latency_min_ms: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
    sent: fc.integer({ min: 0, max: 10_000 }),
    metadata: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
  },
  {
    requiredKeys: [
      "node_id",
      "country",
      "region",
      "latency_ms",
      "uptime_pct",
      "packet_loss",
      "timestamp",
    ],
  },
);

const fields = Object.keys(wireSampleSchema.shape);
const nearlyValid = fc
  .tuple(
    validSample,
    fc.dictionary(fc.constantFrom(...fields, "unknown_field", "__proto__"), anyFieldValue, {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  )
  .map(([sample, changes]) => ({ ...sample, ...changes }) as unknown);

/** The only refusals that the schema does not make. */
const BEYOND_SCHEMA = [
  "METADATA_TOO_LARGE",
  "NESTING_TOO_DEEP",
  "TIMESTAMP_TOO_NEW",
  "TIMESTAMP_TOO_OLD",
];

function expectSameVerdict(value: unknown): void {
  const result = readSample(value, timeless);
  const accepted = wireSampleSchema.safeParse(value).success;
  if (!isRefusal(result)) {
    expect(accepted, JSON.stringify(value)).toBe(true);
  } else if (accepted) {
    const ofMetadata = result.message.startsWith("metadata");
    expect(BEYOND_SCHEMA.includes(result.code) || ofMetadata, result.message).toBe(true);
  }
}

describe("readSample judges like the schema", () => {
  test("anything at all", () => {
    fc.assert(fc.property(anyFieldValue, expectSameVerdict), { numRuns: 2_000 });
  });

  test("valid and nearly valid samples", () => {
    fc.assert(fc.property(nearlyValid, expectSameVerdict), { numRuns: 10_000 });
  });

  test("every valid sample is accepted with its values", () => {
    fc.assert(
      fc.property(validSample, (wire) => {
        const read = readSample({ ...wire, metadata: undefined }, timeless);
        if (isRefusal(read)) throw new Error(read.message);
        expect(read).toEqual({
          nodeId: wire.node_id,
          country: wire.country,
          region: wire.region,
          target: "",
          check: "",
          timeMs: new Date(wire.timestamp).getTime(),
          latencyMs: wire.latency_ms,
          latencyMinMs: wire.latency_min_ms ?? null,
          latencyMaxMs: null,
          jitterMs: null,
          sent: wire.sent ?? null,
          received: null,
          uptimePct: wire.uptime_pct,
          packetLoss: wire.packet_loss,
          metadata: null,
        });
      }),
    );
  });
});

describe("identity", () => {
  test.each(["../x", "a/b", "a b", "", ".", "..", "x".repeat(65), "nö", 5, null, ["a"]])(
    "node_id %j is refused",
    (node_id) => expect(badOf({ node_id })).toBe("INVALID_SAMPLE"),
  );

  test("an envelope's node stands in where the sample names none", () => {
    const { node_id: _, ...rest } = valid;
    expect(readSample(rest, { ...limits, nodeId: "probe-ke" })).toMatchObject({
      nodeId: "probe-ke",
    });
    expect(isRefusal(readSample(rest, limits))).toBe(true);
  });

  test("target and check come together", () => {
    expect(badOf({ target: "192.0.2.1" })).toBe("INVALID_SAMPLE");
    expect(badOf({ check: "icmp" })).toBe("INVALID_SAMPLE");
    for (const check of CHECK_TYPES) expect(badOf({ target: "h", check })).toBe("accepted");
  });

  test("a region is counted in characters, not in code units", () => {
    expect(badOf({ region: "😀".repeat(64) })).toBe("accepted");
    expect(badOf({ region: "😀".repeat(65) })).toBe("INVALID_SAMPLE");
  });
});

describe("time", () => {
  test.each([
    ["five minutes ahead", NOW_MS + PUSH_LIMITS.futureMs, "accepted"],
    ["a moment more", NOW_MS + PUSH_LIMITS.futureMs + 1, "TIMESTAMP_TOO_NEW"],
    ["as old as samples are kept", NOW_MS - limits.rawRetentionMs, "accepted"],
    ["a moment older", NOW_MS - limits.rawRetentionMs - 1, "TIMESTAMP_TOO_OLD"],
    ["year 9999", "9999-12-31T23:59:59Z", "TIMESTAMP_TOO_NEW"],
    ["the epoch", 0, "TIMESTAMP_TOO_OLD"],
    ["before the epoch", -1, "INVALID_SAMPLE"],
    ["a leap second", "2026-05-13T09:59:60Z", "INVALID_SAMPLE"],
    ["February 30th", "2026-02-30T00:00:00Z", "INVALID_SAMPLE"],
    ["no zone", "2026-05-13T10:00:00", "INVALID_SAMPLE"],
    ["another zone", "2026-05-13T15:30:00+05:30", "accepted"],
    ["NaN", Number.NaN, "INVALID_SAMPLE"],
    ["half a millisecond", NOW_MS + 0.5, "INVALID_SAMPLE"],
    ["text digits", String(NOW_MS), "INVALID_SAMPLE"],
  ])("%s", (_name, timestamp, expected) => expect(badOf({ timestamp })).toBe(expected));

  test("zones lead to the same instant", () => {
    const read = readSample({ ...valid, timestamp: "2026-05-13T15:30:00.250+05:30" }, limits);
    expect(read).toMatchObject({ timeMs: NOW_MS + 250 });
  });
});

describe("metadata", () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { in: nested(levels - 1) });

  test("is kept as JSON text", () => {
    const read = readSample({ ...valid, metadata: { phase: { dns_ms: 2 } } }, limits);
    expect(read).toMatchObject({ metadata: '{"phase":{"dns_ms":2}}' });
  });

  test.each([
    ["4 KB", { text: "x".repeat(4_096 - 11) }, "accepted"],
    ["a byte more", { text: "x".repeat(4_096 - 10) }, "METADATA_TOO_LARGE"],
    ["4 KB counted in bytes", { text: "é".repeat(2_100) }, "METADATA_TOO_LARGE"],
    ["13 levels", nested(13), "accepted"],
    ["14 levels", nested(14), "NESTING_TOO_DEEP"],
    ["a thousand levels", nested(1_000), "NESTING_TOO_DEEP"],
    ["a NUL in a value", { a: ["x\0"] }, "INVALID_SAMPLE"],
    ["a NUL in a key", { "a\0": 1 }, "INVALID_SAMPLE"],
    ["a lone surrogate", { a: "\ud800" }, "INVALID_SAMPLE"],
    ["an array", [1], "INVALID_SAMPLE"],
    ["null", null, "INVALID_SAMPLE"],
  ])("%s", (_name, metadata, expected) => expect(badOf({ metadata })).toBe(expected));

  test("__proto__ is data like any other", () => {
    const hostile = JSON.parse(
      `{"__proto__":{"node_id":"evil"},"metadata":{"__proto__":{"polluted":true}}}`,
    ) as Record<string, unknown>;
    const read = readSample(Object.assign(JSON.parse(JSON.stringify(valid)), hostile), limits);
    expect(isRefusal(read) ? read : read.nodeId).toBe(valid.node_id);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
