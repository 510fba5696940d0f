const WIDTH = 100;
const TOP = 2;
const BOTTOM = 22;

/** The ends of a sparkline's scale; values beyond push an end outwards. */
export interface SparklineScale {
  readonly low: number;
  readonly high: number;
}

/** SVG paths of a sparkline in a box of 100 × 24: one run per stretch of known values. */
export function sparklinePaths(
  values: readonly (number | null)[],
  scale: SparklineScale,
): { readonly line: string; readonly area: string } {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return { line: "", area: "" };
  const base = Math.min(scale.low, ...known);
  const span = Math.max(Math.max(scale.high, ...known) - base, Number.EPSILON);
  const x = (index: number) => (values.length < 2 ? WIDTH : (index / (values.length - 1)) * WIDTH);
  const y = (value: number) => BOTTOM - ((value - base) / span) * (BOTTOM - TOP);
  const lines: string[] = [];
  const areas: string[] = [];
  for (const run of knownRuns(values)) {
    const points = run.map(({ index, value }) => `${round(x(index))} ${round(y(value))}`);
    const first = round(x(run[0]?.index ?? 0));
    const last = round(x(run.at(-1)?.index ?? 0));
    // A single value between two gaps has no line: a short dash keeps it visible.
    lines.push(points.length === 1 ? `M${points[0]} h1` : `M${points.join(" L")}`);
    areas.push(`M${first} 24 L${points.join(" L")} L${last} 24 Z`);
  }
  return { line: lines.join(" "), area: areas.join(" ") };
}

interface KnownValue {
  readonly index: number;
  readonly value: number;
}

function knownRuns(values: readonly (number | null)[]): readonly (readonly KnownValue[])[] {
  const runs: KnownValue[][] = [];
  let run: KnownValue[] = [];
  for (const [index, value] of values.entries()) {
    if (value !== null) {
      run.push({ index, value });
      continue;
    }
    if (run.length > 0) runs.push(run);
    run = [];
  }
  return run.length > 0 ? [...runs, run] : runs;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
