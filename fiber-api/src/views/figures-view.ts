import type { Figures } from "#contracts";
import type { GroupFigures } from "#db";

/** Figures of a group as they are shown. */
export function toFiguresView(figures: GroupFigures): Figures {
  return {
    latency_avg_ms: figures.latencyAvgMs,
    latency_min_ms: figures.latencyMinMs,
    latency_max_ms: figures.latencyMaxMs,
    latency_p50_ms: figures.latencyP50Ms,
    latency_p95_ms: figures.latencyP95Ms,
    loss_pct: figures.lossPct,
    availability_pct: figures.availabilityPct,
    coverage_pct: figures.coveragePct,
    samples: figures.samples,
  };
}

/** Figures of nobody: everything unknown, nothing covered. */
export const NO_FIGURES: Figures = {
  latency_avg_ms: null,
  latency_min_ms: null,
  latency_max_ms: null,
  latency_p50_ms: null,
  latency_p95_ms: null,
  loss_pct: null,
  availability_pct: null,
  coverage_pct: 0,
  samples: 0,
};
