/** One printed line: a ratio or figure with the bound that it must meet. */
export interface BenchRow {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** The bound, where the product promises one. */
  readonly bound?: { readonly atLeast: number } | { readonly atMost: number };
  /** Medians behind a ratio, in words. */
  readonly detail?: string;
}

/** One bench: measures itself and its reference in the same run. */
export interface Bench {
  readonly name: string;
  readonly about: string;
  run(report: (line: string) => void): Promise<readonly BenchRow[]>;
}

/** Whether a row keeps its bound; rows without a bound always do. */
export function keepsBound(row: BenchRow): boolean {
  if (row.bound === undefined) return true;
  return "atLeast" in row.bound ? row.value >= row.bound.atLeast : row.value <= row.bound.atMost;
}

/** Middle value of a list; NaN for an empty one. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Quantile by linear interpolation between closest ranks; NaN for an empty list. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)];
  const high = sorted[Math.ceil(position)];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}
