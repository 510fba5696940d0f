import type { CheckType, LatestRound, NodeState, NodeView, SampleView } from "#contracts";

/** The kinds of fleet that the recorded API can show. */
export type FleetName = "calm" | "trouble" | "empty" | "large";

interface Spec {
  readonly id: string;
  readonly country: string;
  readonly region: string;
  readonly at: readonly [number, number] | null;
  readonly demo: boolean;
  readonly state: NodeState;
  readonly latencyMs: number | null;
  readonly lossPct: number;
  readonly reason: string | null;
  readonly minutesInState: number;
}

const spec = (
  id: string,
  country: string,
  region: string,
  at: readonly [number, number] | null,
  latencyMs: number | null,
  rest: Partial<Spec> = {},
): Spec => ({
  id,
  country,
  region,
  at,
  latencyMs,
  demo: false,
  state: "HEALTHY",
  lossPct: 0,
  reason: null,
  minutesInState: 340,
  ...rest,
});

const DEMO: readonly Spec[] = [
  spec("probe-gh-accra", "GH", "Accra", [5.6037, -0.187], 34.2, { demo: true }),
  spec("probe-ng-lagos", "NG", "Lagos", [6.5244, 3.3792], 61.8, { demo: true }),
  spec("probe-ke-nairobi", "KE", "Nairobi", [-1.2921, 36.8219], 48.9, { demo: true }),
];

const LAGOS_TROUBLE = {
  demo: true,
  state: "DEGRADED",
  lossPct: 3.1,
  reason: "Lagos demo target loss 3.1 %",
  minutesInState: 12,
} as const;

const TROUBLE: readonly Spec[] = [
  DEMO[0] as Spec,
  spec("probe-ng-lagos", "NG", "Lagos", [6.5244, 3.3792], 88.1, LAGOS_TROUBLE),
  DEMO[2] as Spec,
  spec("probe-ng-abuja", "NG", "Abuja", [9.0765, 7.3986], 231, {
    state: "CRITICAL",
    reason: "10.20.0.1 231 ms",
    minutesInState: 47,
  }),
  spec("probe-za-cape-town-waterfront-2", "ZA", "Cape Town", [-33.9249, 18.4241], null, {
    state: "DOWN",
    lossPct: 100,
    reason: "nothing answers",
    minutesInState: 3,
  }),
  spec("probe-sn-dakar", "SN", "Dakar", [14.7167, -17.4677], null, {
    state: "STALE",
    reason: "silent for 214 s",
    minutesInState: 4,
  }),
  spec("probe-eg-cairo", "EG", "Cairo", [30.0444, 31.2357], 0.42),
  spec("probe-ma-rabat", "MA", "Rabat", [34.0209, -6.8416], 22.4),
  spec("probe-et-addis", "ET", "Addis Ababa", [9.03, 38.74], 57.5),
  spec("probe-gh-tema", "GH", "Accra", [5.6698, -0.0166], 31.7),
  spec("probe-fr-paris", "FR", "Paris", [48.8566, 2.3522], 9.8),
  spec("probe-xx-bench", "GB", "Bench", null, 1.2),
];

const STATES: readonly NodeState[] = ["HEALTHY", "HEALTHY", "HEALTHY", "DEGRADED", "STALE"];

const LARGE: readonly Spec[] = Array.from({ length: 600 }, (_, index) =>
  spec(
    `probe-${String(index).padStart(4, "0")}`,
    "GH",
    `Region ${index % 12}`,
    [((index * 37) % 120) - 60, ((index * 91) % 340) - 170],
    5 + ((index * 13) % 90),
    { state: STATES[index % STATES.length] ?? "HEALTHY" },
  ),
);

const FLEETS: Readonly<Record<FleetName, readonly Spec[]>> = {
  calm: DEMO,
  trouble: TROUBLE,
  empty: [],
  large: LARGE,
};

const TARGETS: readonly (readonly [string, CheckType])[] = [
  ["127.0.0.1:4701", "tcp"],
  ["http://127.0.0.1:4702/health", "http"],
  ["172.17.0.1", "icmp"],
  ["127.0.0.1", "icmp"],
  ["http://127.0.0.1:8000/health", "http"],
  ["http://127.0.0.1:4000/health", "http"],
];

/** The nodes of a fleet as GET /api/nodes lists them. */
export function recordedNodes(name: FleetName, nowMs: number): NodeView[] {
  return FLEETS[name].map((each) => {
    const seenMs = nowMs - (each.state === "STALE" ? 214_000 : 3_400);
    return {
      node_id: each.id,
      country: each.country,
      region: each.region,
      coordinates: each.at === null ? null : [each.at[0], each.at[1]],
      demo: each.demo,
      interval_ms: 10_000,
      version: "1.0.0",
      thresholds: {},
      state: each.state,
      state_since: new Date(nowMs - each.minutesInState * 60_000).toISOString(),
      state_reason: each.reason,
      last_seen_at: new Date(seenMs).toISOString(),
      uplink: each.state === "DOWN" ? "unknown" : "ok",
      unable:
        each.id === "probe-ng-abuja"
          ? [{ target: "10.20.0.9", check: "icmp", reason: "fping: may not open raw sockets" }]
          : [],
      series: TARGETS.map(([target, check]) => ({ target, check })),
      latest: {
        timestamp: new Date(seenMs).toISOString(),
        latency_ms: each.latencyMs,
        uptime_pct: each.latencyMs === null ? 0 : 100,
        packet_loss: each.lossPct,
      },
    };
  });
}

/** The newest rounds of a fleet as GET /api/metrics lists them. */
export function recordedRounds(name: FleetName, nowMs: number): LatestRound[] {
  return recordedNodes(name, nowMs).map((node) => {
    const latency = node.latest?.latency_ms ?? null;
    const sample = (target: string | null, check: CheckType | null, factor: number): SampleView => {
      const median = latency === null ? null : latency * factor;
      return {
        node_id: node.node_id,
        country: node.country,
        region: node.region,
        target,
        check,
        timestamp: node.last_seen_at ?? new Date(nowMs).toISOString(),
        latency_ms: median,
        latency_min_ms: median === null ? null : median * 0.8,
        latency_max_ms: median === null ? null : median * 1.6,
        jitter_ms: median === null ? null : median * 0.1,
        sent: 10,
        received: median === null ? 0 : 10,
        uptime_pct: median === null ? 0 : 100,
        packet_loss: node.latest?.packet_loss ?? 0,
        metadata: null,
      };
    };
    return {
      ...sample(null, null, 1),
      state: node.state,
      demo: node.demo,
      targets: TARGETS.map(([target, check], index) => sample(target, check, 1.4 - index * 0.25)),
    };
  });
}
