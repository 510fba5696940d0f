/** How the way to a demo region behaves. */
export interface DemoPath {
  readonly region: string;
  /** Usual delay, ms. */
  readonly baseMs: number;
  /** Spread of the delay, ms: the mean of an exponential tail. */
  readonly jitterMs: number;
  /** Share of connections that are dropped. */
  readonly dropShare: number;
  /** A spell of congestion that comes back, or null. */
  readonly spell: DemoSpell | null;
}

/** Congestion: for `lastsMs` of every `everyMs` the delay rises by `extraMs`. */
interface DemoSpell {
  readonly everyMs: number;
  readonly lastsMs: number;
  readonly extraMs: number;
  readonly dropShare: number;
}

/** What happens to one connection. */
export type DemoFate =
  | { readonly kind: "delay"; readonly ms: number }
  /** Never answered: the check runs into its time-out. */
  | { readonly kind: "silence" }
  | { readonly kind: "reset" };

const MINUTE_MS = 60_000;

/** The three demo regions: a near one, a far one, and one that is congested now and then. */
export const DEMO_PATHS: readonly DemoPath[] = [
  { region: "Accra", baseMs: 18, jitterMs: 1.5, dropShare: 0.000_1, spell: null },
  {
    region: "Lagos",
    baseMs: 42,
    jitterMs: 6,
    dropShare: 0.000_2,
    spell: { everyMs: 9 * MINUTE_MS, lastsMs: 75_000, extraMs: 75, dropShare: 0.005 },
  },
  { region: "Nairobi", baseMs: 75, jitterMs: 3, dropShare: 0.000_1, spell: null },
];

/**
 * Decides what happens to a connection `uptimeMs` after the start of the target. The delay drifts
 * by a tenth over minutes; the first spell of congestion comes in the middle of its period.
 */
export function demoFate(path: DemoPath, uptimeMs: number, random: () => number): DemoFate {
  const congestion = spellStrength(path.spell, uptimeMs);
  const dropShare =
    path.spell === null
      ? path.dropShare
      : path.dropShare + congestion * (path.spell.dropShare - path.dropShare);
  if (random() < dropShare) return { kind: random() < 0.7 ? "silence" : "reset" };
  const drift = 0.08 * Math.sin(uptimeMs / (1.1 * MINUTE_MS)) + 0.04 * Math.sin(uptimeMs / 17_000);
  const jitterMs = -path.jitterMs * (1 + congestion) * Math.log(1 - random() * 0.99);
  const extraMs = congestion * (path.spell?.extraMs ?? 0);
  return { kind: "delay", ms: path.baseMs * (1 + drift) + extraMs + jitterMs };
}

/** 0 outside a spell, rising to 1 within its first tenth and falling in its last. */
function spellStrength(spell: DemoSpell | null, uptimeMs: number): number {
  if (spell === null) return 0;
  const startMs = (spell.everyMs - spell.lastsMs) / 2;
  const intoMs = (uptimeMs % spell.everyMs) - startMs;
  if (intoMs < 0 || intoMs > spell.lastsMs) return 0;
  const rampMs = spell.lastsMs / 10;
  return Math.min(1, intoMs / rampMs, (spell.lastsMs - intoMs) / rampMs);
}
