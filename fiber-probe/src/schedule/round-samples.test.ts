import { expect, test } from "vitest";
import { type WireSample, wireSampleSchema } from "#contracts";
import { figuresOf } from "../checks/figures.js";
import type { Target } from "../config/target.js";
import { roundSamples } from "./round-samples.js";
import type { TargetResult } from "./run-round.js";

const probe = { nodeId: "p", country: "GH", region: "Accra", demo: false };
const context = { startedAtMs: 1_700_000_000_000, uplinkDown: false };
const target = (name: string): Target => ({
  check: "icmp",
  name,
  host: name,
  count: 2,
  timeoutMs: 100,
});
const result = (name: string, rtts: readonly (number | null)[]): TargetResult => ({
  target: target(name),
  measurement: { kind: "measured", figures: figuresOf(rtts), notes: {} },
});
const unable = (name: string): TargetResult => ({
  target: target(name),
  measurement: { kind: "unable", reason: "no right to send" },
});

test("one sample a target, then the summary", () => {
  const samples = roundSamples(
    probe,
    [result("a", [10, 20]), result("b", [30, null]), result("c", [null, null])],
    context,
  );
  expect(samples).toHaveLength(4);
  expect(samples.slice(0, 3).map((sample) => sample.uptime_pct)).toEqual([100, 100, 0]);
  expect(samples.at(-1)).toMatchObject({
    latency_ms: 22.5,
    latency_min_ms: 10,
    latency_max_ms: 30,
    packet_loss: 50,
    uptime_pct: 66.667,
    metadata: { targets: 3, answered: 2 },
  });
  expect(samples.at(-1)).not.toHaveProperty("target");
  expect(new Set(samples.map((sample: WireSample) => sample.timestamp)).size).toBe(1);
});

test("every sample keeps the contract", () => {
  const samples = roundSamples(probe, [result("a", [70_000]), result("b", [null])], context);
  for (const sample of samples) expect(wireSampleSchema.safeParse(sample).error).toBeUndefined();
});

test("what could not be measured has no sample and no part in the summary", () => {
  const samples = roundSamples(probe, [result("a", [10]), unable("b")], context);
  expect(samples).toHaveLength(2);
  expect(samples.at(-1)).toMatchObject({ uptime_pct: 100, metadata: { targets: 1 } });
});

test("when nothing could be measured there is no summary either", () => {
  expect(roundSamples(probe, [unable("a")], context)).toEqual([]);
  expect(roundSamples(probe, [], context)).toEqual([]);
});

test("demo and a lost uplink are in the data", () => {
  const samples = roundSamples({ ...probe, demo: true }, [result("a", [10])], {
    ...context,
    uplinkDown: true,
  });
  for (const sample of samples)
    expect(sample.metadata).toMatchObject({ demo: true, uplink: "down" });
});
