import type { SeriesFigures } from "#db";

interface Part {
  readonly weight: number;
  /** Latencies at the shares of {@link SHARES}, ascending. */
  readonly knots: readonly [number, number, number, number];
}

const SHARES = [0, 0.5, 0.95, 1] as const;
const STEPS = 48;

/**
 * A quantile (0–1) of the latencies of many series together, in ms: each is taken as spread evenly
 * between its minimum, median, 95th percentile and maximum, weighted by its answers, and the value
 * is searched below which that share of all answers lies. Null when nothing answered. It is an
 * estimate; for one series it gives back the series' own quantiles.
 */
export function mixQuantile(series: readonly SeriesFigures[], share: number): number | null {
  const parts = series.flatMap(toPart);
  const [only] = parts;
  if (only === undefined) return null;
  if (parts.length === 1) return valueAt(only.knots, share);
  let low = Math.min(...parts.map((part) => part.knots[0]));
  let high = Math.max(...parts.map((part) => part.knots[3]));
  const wanted = share * parts.reduce((sum, part) => sum + part.weight, 0);
  for (let step = 0; step < STEPS && high - low > 1e-6; step++) {
    const middle = (low + high) / 2;
    if (weightBelow(parts, middle) < wanted) low = middle;
    else high = middle;
  }
  return high;
}

function toPart(figures: SeriesFigures): Part[] {
  const { latencyMinMs, latencyMedianMs, latencyP95Ms, latencyMaxMs, answered } = figures;
  if (
    latencyMinMs === null ||
    latencyMedianMs === null ||
    latencyP95Ms === null ||
    latencyMaxMs === null
  ) {
    return [];
  }
  return [{ weight: answered, knots: [latencyMinMs, latencyMedianMs, latencyP95Ms, latencyMaxMs] }];
}

/** The latency below which a share of one part's answers lies. */
function valueAt(knots: Part["knots"], share: number): number {
  const i = share > SHARES[2] ? 2 : share > SHARES[1] ? 1 : 0;
  const [from, to] = [knots[i] ?? 0, knots[i + 1] ?? 0];
  const [low, high] = [SHARES[i] ?? 0, SHARES[i + 1] ?? 1];
  return from + ((to - from) * (share - low)) / (high - low);
}

function weightBelow(parts: readonly Part[], latencyMs: number): number {
  return parts.reduce((sum, part) => sum + part.weight * shareBelow(part.knots, latencyMs), 0);
}

function shareBelow(knots: Part["knots"], latencyMs: number): number {
  if (latencyMs >= knots[3]) return 1;
  if (latencyMs < knots[0]) return 0;
  const i = latencyMs >= knots[2] ? 2 : latencyMs >= knots[1] ? 1 : 0;
  const [from, to] = [knots[i] ?? 0, knots[i + 1] ?? 0];
  const [low, high] = [SHARES[i] ?? 0, SHARES[i + 1] ?? 1];
  return to === from ? high : low + ((high - low) * (latencyMs - from)) / (to - from);
}
