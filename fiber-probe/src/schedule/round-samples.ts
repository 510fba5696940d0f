import type { WireSample } from "#contracts";
import { medianOf } from "../checks/figures.js";
import type { ProbeConfig } from "../config/build-config.js";
import type { TargetResult } from "./run-round.js";

/** What is added to a round's samples beside its figures. */
export interface RoundContext {
  /** Epoch ms at the start of the round; every sample of the round carries it. */
  readonly startedAtMs: number;
  /** Whether the probe's own way out was found down. */
  readonly uplinkDown: boolean;
}

type Identity = Pick<ProbeConfig, "nodeId" | "country" | "region" | "demo">;

/**
 * One sample per measured target and one summary of the round: median of the targets' medians,
 * mean of their losses, share of targets that answered. Targets that could not be measured have
 * no sample and no part in the summary; when none could, there is none.
 */
export function roundSamples(
  probe: Identity,
  results: readonly TargetResult[],
  context: RoundContext,
): readonly WireSample[] {
  const measured = results.flatMap(({ target, measurement }) =>
    measurement.kind === "measured" ? [{ target, ...measurement }] : [],
  );
  if (measured.length === 0) return [];
  const node = {
    node_id: probe.nodeId,
    country: probe.country,
    region: probe.region,
    timestamp: context.startedAtMs,
  };
  const marks = {
    ...(probe.demo ? { demo: true } : {}),
    ...(context.uplinkDown ? { uplink: "down" } : {}),
  };
  const samples = measured.map(({ target, figures, notes }): WireSample => {
    const metadata = { ...notes, ...marks };
    return {
      ...node,
      target: target.name,
      check: target.check,
      latency_ms: clampMs(figures.latencyMs),
      latency_min_ms: clampMs(figures.minMs),
      latency_max_ms: clampMs(figures.maxMs),
      jitter_ms: clampMs(figures.jitterMs),
      sent: figures.sent,
      received: figures.received,
      uptime_pct: figures.received > 0 ? 100 : 0,
      packet_loss: figures.lossPct,
      ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    };
  });
  return [...samples, summarise(node, samples, marks)];
}

function summarise(
  node: Pick<WireSample, "node_id" | "country" | "region" | "timestamp">,
  samples: readonly WireSample[],
  marks: Readonly<Record<string, unknown>>,
): WireSample {
  const numbers = (pick: (sample: WireSample) => number | null | undefined) =>
    samples.map(pick).filter((value): value is number => typeof value === "number");
  const medians = numbers((sample) => sample.latency_ms);
  const mins = numbers((sample) => sample.latency_min_ms);
  const maxs = numbers((sample) => sample.latency_max_ms);
  const answered = samples.filter((sample) => sample.uptime_pct > 0).length;
  const losses = samples.reduce((sum, sample) => sum + sample.packet_loss, 0);
  return {
    ...node,
    latency_ms: medians.length === 0 ? null : round3(medianOf(medians)),
    latency_min_ms: mins.length === 0 ? null : mins.reduce((a, b) => Math.min(a, b)),
    latency_max_ms: maxs.length === 0 ? null : maxs.reduce((a, b) => Math.max(a, b)),
    uptime_pct: round3((100 * answered) / samples.length),
    packet_loss: round3(losses / samples.length),
    metadata: { targets: samples.length, answered, ...marks },
  };
}

/** The wire's limit is 60 s; a probe that waited a little longer is at the limit. */
function clampMs(value: number | null): number | null {
  return value === null ? null : Math.min(60_000, value);
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
