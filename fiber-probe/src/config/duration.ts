const FACTOR_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads a duration such as `500ms`, `10s`, `1.5m` or `1h` into milliseconds.
 * Null when the text is no duration; a bare number has no unit and is none.
 */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)\s?(ms|s|m|h)$/.exec(text.trim());
  if (match === null) return null;
  const [, amount, unit] = match;
  const ms = Number(amount) * FACTOR_MS[unit as keyof typeof FACTOR_MS];
  return Number.isFinite(ms) ? Math.round(ms) : null;
}

/** Writes milliseconds as a duration that {@link parseDuration} reads back to the same value. */
export function formatDuration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
