import type { CheckType, NodeView } from "#contracts";
import type { NodeRecord, StoredSample } from "#db";
import { groupByNode, isoTime, newest, newestSummary } from "./sample-view.js";

/** Targets that were not measured in a node's last day are no longer among its series. */
const SERIES_KEPT_MS = 86_400_000;

/** Nodes as they are shown, with what their newest samples say. */
export function toNodeViews(
  nodes: readonly NodeRecord[],
  samples: readonly StoredSample[],
): NodeView[] {
  const byNode = groupByNode(samples);
  return nodes.map((node) => toNodeView(node, byNode.get(node.nodeId) ?? []));
}

function toNodeView(node: NodeRecord, samples: readonly StoredSample[]): NodeView {
  const last = newest(samples);
  const latest = newestSummary(samples);
  return {
    node_id: node.nodeId,
    country: node.country,
    region: node.region,
    coordinates: node.coordinates === null ? null : [...node.coordinates],
    demo: node.demo,
    interval_ms: node.intervalMs,
    version: node.version,
    thresholds: node.thresholds,
    state: node.state,
    state_since: isoTime(node.stateSinceMs),
    state_reason: node.stateReason,
    last_seen_at: last === null ? null : isoTime(last.timeMs),
    uplink: node.uplink,
    unable: [...node.unable],
    series: last === null ? [] : recentSeries(samples, last.timeMs),
    latest:
      latest === null
        ? null
        : {
            timestamp: isoTime(latest.timeMs),
            latency_ms: latest.latencyMs,
            uptime_pct: latest.uptimePct,
            packet_loss: latest.packetLoss,
          },
  };
}

function recentSeries(
  samples: readonly StoredSample[],
  lastMs: number,
): { target: string; check: CheckType }[] {
  return samples.flatMap((sample) =>
    sample.check === "" || sample.timeMs < lastMs - SERIES_KEPT_MS
      ? []
      : [{ target: sample.target, check: sample.check }],
  );
}
