import { type LatestRound, type SampleView, staleAfterMs } from "#contracts";
import type { LatestSample, StoredSample } from "#db";

/** ISO 8601 UTC. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A stored sample as it is shown, with its node's country and region. */
export function toSampleView(
  sample: StoredSample,
  node: { readonly country: string; readonly region: string },
): SampleView {
  return {
    node_id: sample.nodeId,
    country: node.country,
    region: node.region,
    target: sample.target === "" ? null : sample.target,
    check: sample.check === "" ? null : sample.check,
    timestamp: isoTime(sample.timeMs),
    latency_ms: sample.latencyMs,
    latency_min_ms: sample.latencyMinMs,
    latency_max_ms: sample.latencyMaxMs,
    jitter_ms: sample.jitterMs,
    sent: sample.sent,
    received: sample.received,
    uptime_pct: sample.uptimePct,
    packet_loss: sample.packetLoss,
    metadata: sample.metadata,
  };
}

/** Samples by the node they belong to. */
export function groupByNode<Sample extends StoredSample>(
  samples: readonly Sample[],
): ReadonlyMap<string, readonly Sample[]> {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const group = groups.get(sample.nodeId);
    if (group === undefined) groups.set(sample.nodeId, [sample]);
    else group.push(sample);
  }
  return groups;
}

/** The newest of some samples of one node, its own summary where it sends one. */
export function newestSummary<Sample extends StoredSample>(
  samples: readonly Sample[],
): Sample | null {
  const summary = samples.find((sample) => sample.target === "");
  return summary ?? newest(samples);
}

/** The sample with the latest time, or null. */
export function newest<Sample extends StoredSample>(samples: readonly Sample[]): Sample | null {
  return samples.reduce<Sample | null>(
    (best, sample) => (best === null || sample.timeMs > best.timeMs ? sample : best),
    null,
  );
}

/**
 * The latest round of every node that has one: its newest summary, with the newest sample of each
 * target that was measured within the staleness time before the node's newest sample.
 */
export function toLatestRounds(samples: readonly LatestSample[]): LatestRound[] {
  return [...groupByNode(samples).values()].flatMap((own) => {
    const summary = newestSummary(own);
    const last = newest(own);
    if (summary === null || last === null) return [];
    const { node } = summary;
    const sinceMs = last.timeMs - staleAfterMs(node.intervalMs);
    // Spread behind so many fields, V8 makes a slow object: ten times the time, here and in JSON.
    return [
      Object.assign(toSampleView(summary, node), {
        state: node.state,
        demo: node.demo,
        targets: own
          .filter((sample) => sample.target !== "" && sample.timeMs >= sinceMs)
          .map((sample) => toSampleView(sample, node)),
      }),
    ];
  });
}
