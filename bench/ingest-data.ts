/** 10 probes with 100 targets each: 1,000 series. */
export const NODES = 10;
const TARGETS = 100;

/** Series of the whole fleet. */
export const SERIES = NODES * TARGETS;

/** Rounds lie this far apart, so that a run's samples fall into the last minutes. */
const ROUND_MS = 100;

/** A node's name. */
export function nodeId(node: number): string {
  return `bench-${node}`;
}

/** A target's name, as a probe would carry it. */
export function targetName(target: number): string {
  return `192.0.2.${target}`;
}

/** When a round was, epoch ms; round 0 is the newest. */
export function roundTime(baseMs: number, round: number): number {
  return baseMs - round * ROUND_MS;
}

/** What a check saw; fractions as they come from a clock. */
export function measured(target: number, round: number) {
  const latencyMs = 20 + ((target * 7919 + round * 104_729) % 10_000) / 1_000;
  return {
    latencyMs,
    minMs: latencyMs - 1.125,
    maxMs: latencyMs + 2.25,
    jitterMs: 0.375,
  };
}

/** The JSON of one sample as a probe pushes it. */
function sampleJson(at: { node: number; target: number; round: number; baseMs: number }) {
  const { latencyMs, minMs, maxMs, jitterMs } = measured(at.target, at.round);
  return JSON.stringify({
    node_id: nodeId(at.node),
    country: "GH",
    region: "Accra",
    target: targetName(at.target),
    check: "icmp",
    timestamp: roundTime(at.baseMs, at.round),
    latency_ms: latencyMs,
    latency_min_ms: minMs,
    latency_max_ms: maxMs,
    jitter_ms: jitterMs,
    sent: 10,
    received: 10,
    uptime_pct: 100,
    packet_loss: 0,
  });
}

/**
 * Bodies of pushes of `batch` samples, `total` samples in all, each with the node it belongs to.
 * A node's rounds come in order; nodes take turns.
 */
export function* pushBodies(options: { batch: number; total: number; baseMs: number }) {
  const { batch, total, baseMs } = options;
  const sent = Array<number>(NODES).fill(0);
  for (let done = 0, node = 0; done < total; done += batch, node = (node + 1) % NODES) {
    const samples: string[] = [];
    for (let index = 0; index < batch; index++) {
      const next = sent[node] ?? 0;
      sent[node] = next + 1;
      const round = Math.floor(next / TARGETS);
      samples.push(sampleJson({ node, target: next % TARGETS, round, baseMs }));
    }
    yield { node, body: batch === 1 ? (samples[0] ?? "") : `[${samples.join(",")}]` };
  }
}
