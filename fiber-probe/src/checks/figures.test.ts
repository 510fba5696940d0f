import fc from "fast-check";
import { expect, test } from "vitest";
import { figuresOf, measurementOf } from "./figures.js";
import type { Outcome } from "./outcome.js";

test("figures of a round with a loss", () => {
  expect(figuresOf([10, null, 14, 12, 20])).toEqual({
    sent: 5,
    received: 4,
    lossPct: 20,
    latencyMs: 13,
    minMs: 10,
    maxMs: 20,
    // |14-10| + |12-14| + |20-12| over three steps
    jitterMs: 4.667,
  });
});

test("nothing answered: null, never zero", () => {
  expect(figuresOf([null, null])).toMatchObject({ lossPct: 100, latencyMs: null, jitterMs: null });
});

test("one answer has no jitter", () => {
  expect(figuresOf([5]).jitterMs).toBeNull();
});

test("figures keep their order and bounds", () => {
  const rtt = fc.option(fc.double({ min: 0, max: 60_000, noNaN: true }), { nil: null });
  fc.assert(
    fc.property(fc.array(rtt, { minLength: 1, maxLength: 100 }), (rtts) => {
      const { sent, received, lossPct, latencyMs, minMs, maxMs, jitterMs } = figuresOf(rtts);
      expect(sent).toBe(rtts.length);
      expect(received).toBe(rtts.filter((value) => value !== null).length);
      expect(lossPct).toBeGreaterThanOrEqual(0);
      expect(lossPct).toBeLessThanOrEqual(100);
      if (latencyMs === null || minMs === null || maxMs === null) {
        expect(received).toBe(0);
        return;
      }
      expect(minMs).toBeLessThanOrEqual(latencyMs);
      expect(latencyMs).toBeLessThanOrEqual(maxMs);
      if (jitterMs !== null) expect(jitterMs).toBeLessThanOrEqual(maxMs - minMs + 0.002);
    }),
  );
});

test("probes that could not run are no loss", () => {
  const outcomes: Outcome[] = [
    { kind: "answered", rttMs: 10 },
    { kind: "unable", reason: "EMFILE" },
  ];
  expect(measurementOf(outcomes)).toMatchObject({ figures: { sent: 1, lossPct: 0 } });
});

test("when none could run the target is unable, with the reason", () => {
  expect(measurementOf([{ kind: "unable", reason: "EMFILE" }])).toEqual({
    kind: "unable",
    reason: "EMFILE",
  });
});

test("notes hold median phases, the newest facts and counted failures", () => {
  const answer = (dns: number, status: number): Outcome => ({
    kind: "answered",
    rttMs: dns,
    phases: { dns_ms: dns },
    facts: { status },
  });
  const measured = measurementOf([
    answer(1, 200),
    { kind: "timeout", afterMs: 5 },
    { kind: "timeout", afterMs: 5 },
    { kind: "refused", afterMs: 1, reason: "connection refused" },
    answer(3, 204),
  ]);
  expect(measured).toMatchObject({
    notes: {
      phases: { dns_ms: 2 },
      facts: { status: 204 },
      failures: [
        { kind: "timeout", count: 2 },
        { kind: "refused", count: 1, reason: "connection refused" },
      ],
    },
  });
});
