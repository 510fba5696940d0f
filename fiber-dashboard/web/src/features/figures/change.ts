/** Which way is good. */
export type Better = "lower" | "higher";

/** A value against the window before: how far, and whether that is good. */
export interface Change {
  readonly delta: number;
  readonly verdict: "better" | "worse" | "same";
}

/**
 * The change of a figure; null when either side is unknown. A difference that would print as zero
 * (less than `resolution`) is none.
 */
export function changeOf(
  now: number | null,
  before: number | null,
  better: Better,
  resolution: number,
): Change | null {
  if (now === null || before === null) return null;
  const delta = now - before;
  if (Math.abs(delta) < resolution) return { delta: 0, verdict: "same" };
  const good = better === "lower" ? delta < 0 : delta > 0;
  return { delta, verdict: good ? "better" : "worse" };
}
