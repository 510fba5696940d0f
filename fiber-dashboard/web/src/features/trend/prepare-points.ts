import type { ChartPoint } from "#contracts";

/** A stretch of time in epoch seconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Points as columns for the chart; `xs` are the middles of their buckets in epoch seconds. */
export interface PreparedPoints {
  readonly start: number;
  readonly end: number;
  readonly bucketS: number;
  readonly xs: readonly number[];
  readonly points: readonly ChartPoint[];
  /** Where nothing is known: neither up nor down, neither fast nor slow. */
  readonly unknown: readonly Stretch[];
  /** Where something was sent and nothing came back. */
  readonly silent: readonly Stretch[];
}

/** Whether anything at all is known of a point. */
export function isKnown(point: ChartPoint): boolean {
  return (
    point.latency_median_ms !== null || point.loss_pct !== null || point.availability_pct !== null
  );
}

/** Whether probes asked and nobody answered. */
function isSilent(point: ChartPoint): boolean {
  return isKnown(point) && point.latency_median_ms === null;
}

/**
 * Makes columns of points and finds the gaps: every stretch of the window that no known point
 * covers, whether the API sent an empty point for it or none. The last two buckets are still
 * being filled, so a gap is only called one when it is older than they are.
 */
export function preparePoints(answer: {
  readonly start: string;
  readonly end: string;
  readonly bucket_s: number;
  readonly points: readonly ChartPoint[];
}): PreparedPoints {
  const start = Date.parse(answer.start) / 1_000;
  const end = Date.parse(answer.end) / 1_000;
  const bucketS = answer.bucket_s;
  const points = [...answer.points].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const starts = points.map((point) => Date.parse(point.time) / 1_000);
  const known = starts.filter((_, index) => {
    const point = points[index];
    return point !== undefined && isKnown(point);
  });
  const silentStarts = starts.filter((_, index) => {
    const point = points[index];
    return point !== undefined && isSilent(point);
  });
  return {
    start,
    end,
    bucketS,
    xs: starts.map((time) => time + bucketS / 2),
    points,
    unknown: uncovered(known, bucketS, start, end),
    silent: joined(silentStarts.map((from) => ({ from, to: from + bucketS }))),
  };
}

function uncovered(
  knownStarts: readonly number[],
  bucketS: number,
  start: number,
  end: number,
): readonly Stretch[] {
  const gaps: Stretch[] = [];
  let covered = start;
  for (const from of knownStarts) {
    if (from - covered > bucketS * 0.01) gaps.push({ from: covered, to: from });
    covered = Math.max(covered, from + bucketS);
  }
  if (end - covered > 2 * bucketS) gaps.push({ from: covered, to: end });
  return gaps;
}

function joined(stretches: readonly Stretch[]): readonly Stretch[] {
  const result: Stretch[] = [];
  for (const stretch of stretches) {
    const last = result.at(-1);
    if (last !== undefined && stretch.from <= last.to) {
      result[result.length - 1] = { from: last.from, to: Math.max(last.to, stretch.to) };
    } else result.push(stretch);
  }
  return result;
}
