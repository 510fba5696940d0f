import type { ChartPoint, ClusterView, Figures, NodeView, SeriesView } from "#contracts";

/** A window in epoch ms. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

const POINTS = 120;

/** A course of points with a rough patch of loss, a silence and a gap, the same at each call. */
export function recordedPoints(window: Window, baseMs: number, rough: boolean): ChartPoint[] {
  const bucketMs = (window.endMs - window.startMs) / POINTS;
  return Array.from({ length: POINTS }, (_, index) => {
    const time = new Date(window.startMs + index * bucketMs).toISOString();
    const gap = rough && index >= 30 && index < 41;
    const silent = rough && index >= 96 && index < 100;
    if (gap) return { time, ...NOTHING };
    const wave = 1 + 0.12 * Math.sin(index / 7) + 0.05 * Math.sin(index * 2.3);
    const patch = rough && index >= 70 && index < 96 ? 1 + (index - 70) / 20 : 1;
    const median = baseMs * wave * patch;
    const loss = silent ? 100 : patch > 1 ? Math.min(24, (patch - 1) * 18) : 0;
    return {
      time,
      latency_min_ms: silent ? null : median * 0.78,
      latency_median_ms: silent ? null : median,
      latency_p95_ms: silent ? null : median * 1.35,
      latency_max_ms: silent ? null : median * (1.5 + 0.25 * Math.sin(index * 1.7)),
      loss_pct: loss,
      availability_pct: silent ? 0 : 100 - loss / 3,
      coverage_pct: 100,
    };
  });
}

const NOTHING = {
  latency_min_ms: null,
  latency_median_ms: null,
  latency_p95_ms: null,
  latency_max_ms: null,
  loss_pct: null,
  availability_pct: null,
  coverage_pct: 0,
};

/** Figures around a median; `null` is a window of which nothing is known. */
export function recordedFigures(medianMs: number | null, lossPct: number): Figures {
  const at = (factor: number) => (medianMs === null ? null : medianMs * factor);
  return {
    latency_avg_ms: at(1.05),
    latency_min_ms: at(0.7),
    latency_max_ms: at(2.4),
    latency_p50_ms: at(1),
    latency_p95_ms: at(1.7),
    loss_pct: medianMs === null ? null : lossPct,
    availability_pct: medianMs === null ? null : 100 - lossPct / 2,
    coverage_pct: medianMs === null ? 0 : 99.2,
    samples: medianMs === null ? 0 : 1_080,
  };
}

/** GET /api/metrics/cluster for some nodes. */
export function recordedCluster(
  nodes: readonly NodeView[],
  window: Window,
  rough: boolean,
): ClusterView {
  const worstFirst = ["DOWN", "STALE", "CRITICAL", "DEGRADED"];
  const bad = nodes
    .filter((node) => node.state !== "HEALTHY")
    .sort((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state));
  const regions = [...new Set(nodes.map((node) => node.region))];
  const expected = nodes.length;
  const reporting = nodes.filter((node) => node.state !== "STALE").length;
  return {
    start: new Date(window.startMs).toISOString(),
    end: new Date(window.endMs).toISOString(),
    posture: {
      posture: rough ? "CONTESTED" : "SECURED",
      since: new Date(window.endMs - 12 * 60_000).toISOString(),
      reason: rough ? "probe-ng-lagos: Lagos demo target loss 3.1 %" : null,
    },
    probes: { expected, reporting },
    summary: recordedFigures(47.3, rough ? 1.24 : 0),
    previous: recordedFigures(rough ? 41.9 : 48.8, rough ? 0.31 : 0),
    trend: recordedPoints(window, 47, rough).map((point) => ({
      ...point,
      probes_reporting: point.coverage_pct === 0 ? 0 : reporting,
    })),
    bucket_s: (window.endMs - window.startMs) / POINTS / 1_000,
    regions: regions.map((region) => ({
      ...recordedFigures(47, 0),
      region,
      nodes: nodes.filter((node) => node.region === region).length,
      worst_state: "HEALTHY",
    })),
    problems: bad.map((node) => ({
      node_id: node.node_id,
      region: node.region,
      state: node.state,
      since: node.state_since,
      reason: node.state_reason,
    })),
  };
}

/** GET /api/series of one node. */
export function recordedSeries(
  node: NodeView,
  choice: Pick<SeriesView, "target" | "check">,
  window: Window,
): SeriesView {
  return {
    node_id: node.node_id,
    ...choice,
    start: new Date(window.startMs).toISOString(),
    end: new Date(window.endMs).toISOString(),
    resolution: "raw",
    bucket_s: (window.endMs - window.startMs) / POINTS / 1_000,
    maintenance: [],
    points: recordedPoints(window, node.latest?.latency_ms ?? 40, node.state !== "HEALTHY"),
  };
}
