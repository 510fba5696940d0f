/**
 * What one series saw in one bucket of time. Latencies are null when nothing came back in it;
 * `answered` counts samples with a latency. Times in epoch ms, shares in percent.
 */
export interface Bucket {
  readonly timeMs: number;
  readonly latencyMinMs: number | null;
  readonly latencyMedianMs: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyMaxMs: number | null;
  readonly lossPct: number;
  readonly availabilityPct: number;
  readonly samples: number;
  readonly answered: number;
  /** How much of the bucket was measured, ms. */
  readonly coveredMs: number;
}

/** A row of a query for buckets. */
export interface BucketRow {
  readonly time_ms: number;
  readonly latency_min_ms: number | null;
  readonly latency_median_ms: number | null;
  readonly latency_p95_ms: number | null;
  readonly latency_max_ms: number | null;
  readonly loss_pct: number;
  readonly availability_pct: number;
  readonly samples: number;
  readonly answered: number;
  readonly covered_ms: number;
}

/** A row as the product names it. */
export function toBucket(row: BucketRow): Bucket {
  return {
    timeMs: row.time_ms,
    latencyMinMs: row.latency_min_ms,
    latencyMedianMs: row.latency_median_ms,
    latencyP95Ms: row.latency_p95_ms,
    latencyMaxMs: row.latency_max_ms,
    lossPct: row.loss_pct,
    availabilityPct: row.availability_pct,
    samples: row.samples,
    answered: row.answered,
    coveredMs: row.covered_ms,
  };
}
