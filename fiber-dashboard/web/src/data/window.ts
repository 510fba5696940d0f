/** The time scopes on offer with their length, how often a view of them is read again, and ms. */
export const SCOPES = {
  "15m": { lengthMs: 15 * 60_000, refetchMs: 10_000 },
  "1h": { lengthMs: 3_600_000, refetchMs: 15_000 },
  "6h": { lengthMs: 6 * 3_600_000, refetchMs: 60_000 },
  "24h": { lengthMs: 24 * 3_600_000, refetchMs: 120_000 },
  "7d": { lengthMs: 7 * 24 * 3_600_000, refetchMs: 300_000 },
} as const;

/** A key of {@link SCOPES}. */
export type Scope = keyof typeof SCOPES;

/** Whether a text is a time scope. */
export function isScope(text: unknown): text is Scope {
  return typeof text === "string" && Object.hasOwn(SCOPES, text);
}

/** The scope's window that ends at `nowMs`, as the API's `start` and `end`. */
export function windowOf(scope: Scope, nowMs: number): { start: string; end: string } {
  return {
    start: new Date(nowMs - SCOPES[scope].lengthMs).toISOString(),
    end: new Date(nowMs).toISOString(),
  };
}
