import type { Facts, Outcome, Phases } from "./outcome.js";

/** One round of one target in figures. Times in ms, null when nothing was answered. */
export interface Figures {
  readonly sent: number;
  readonly received: number;
  /** Share of probes without an answer, percent. */
  readonly lossPct: number;
  readonly latencyMs: number | null;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  /**
   * Mean absolute difference of consecutive round trips, null with fewer than two. RFC 3550
   * section 6.4.1 smooths the same differences by 1/16; a round of a few probes has no past to
   * smooth with, so the plain mean is taken. Losses between two answers are passed over.
   */
  readonly jitterMs: number | null;
}

/** Figures of a list of round trips in ms; null stands for a probe without an answer. */
export function figuresOf(rtts: readonly (number | null)[]): Figures {
  const answered = rtts.filter((rtt): rtt is number => rtt !== null);
  const received = answered.length;
  const sent = rtts.length;
  const lossPct = sent === 0 ? 100 : round3((100 * (sent - received)) / sent);
  if (received === 0) {
    return { sent, received, lossPct, latencyMs: null, minMs: null, maxMs: null, jitterMs: null };
  }
  return {
    sent,
    received,
    lossPct,
    latencyMs: round3(medianOf(answered)),
    minMs: round3(Math.min(...answered)),
    maxMs: round3(Math.max(...answered)),
    jitterMs: received < 2 ? null : round3(meanStep(answered)),
  };
}

/** Middle value; the mean of the two middle ones of an even count. NaN for an empty list. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const high = sorted[half] ?? Number.NaN;
  const low = sorted.length % 2 === 1 ? high : (sorted[half - 1] ?? Number.NaN);
  return (low + high) / 2;
}

/** A target's round: figures with what the probes learned, or why it could not be measured. */
export type Measurement =
  | { readonly kind: "measured"; readonly figures: Figures; readonly notes: Notes }
  | { readonly kind: "unable"; readonly reason: string };

/** What goes into a sample's metadata beside the figures. */
interface Notes {
  /** Median of each phase over the answered probes, ms. */
  readonly phases?: Phases;
  readonly facts?: Facts;
  /** How the unanswered probes ended, counted, with one reason each. */
  readonly failures?: readonly FailureNote[];
}

/** Unanswered probes of one kind. */
interface FailureNote {
  readonly kind: "timeout" | "refused" | "failed";
  readonly count: number;
  readonly reason?: string;
}

/** Sums up a target's probes. Probes that could not run are left out; when none ran: unable. */
export function measurementOf(outcomes: readonly Outcome[]): Measurement {
  const ran = outcomes.filter((outcome) => outcome.kind !== "unable");
  if (ran.length === 0) {
    const reason = outcomes.find((outcome) => outcome.kind === "unable")?.reason;
    return { kind: "unable", reason: reason ?? "no probe was sent" };
  }
  const figures = figuresOf(ran.map((o) => (o.kind === "answered" ? o.rttMs : null)));
  const phases = medianPhases(ran);
  const facts = ran.findLast((o) => "facts" in o && o.facts !== undefined);
  const failures = countFailures(ran);
  return {
    kind: "measured",
    figures,
    notes: {
      ...(phases === null ? {} : { phases }),
      ...(facts !== undefined && "facts" in facts && facts.facts ? { facts: facts.facts } : {}),
      ...(failures.length === 0 ? {} : { failures }),
    },
  };
}

function medianPhases(outcomes: readonly Outcome[]): Phases | null {
  const byName = new Map<string, number[]>();
  for (const outcome of outcomes) {
    if (outcome.kind !== "answered") continue;
    for (const [name, ms] of Object.entries(outcome.phases ?? {})) {
      byName.set(name, [...(byName.get(name) ?? []), ms]);
    }
  }
  if (byName.size === 0) return null;
  return Object.fromEntries([...byName].map(([name, list]) => [name, round3(medianOf(list))]));
}

function countFailures(outcomes: readonly Outcome[]): readonly FailureNote[] {
  const notes = new Map<string, FailureNote>();
  for (const outcome of outcomes) {
    if (outcome.kind === "answered" || outcome.kind === "unable") continue;
    const { kind } = outcome;
    const count = (notes.get(kind)?.count ?? 0) + 1;
    notes.set(
      kind,
      "reason" in outcome ? { kind, count, reason: outcome.reason } : { kind, count },
    );
  }
  return [...notes.values()];
}

function meanStep(values: readonly number[]): number {
  let sum = 0;
  for (let i = 1; i < values.length; i++) sum += Math.abs((values[i] ?? 0) - (values[i - 1] ?? 0));
  return sum / (values.length - 1);
}

/** Microseconds are what the clocks resolve; more digits only fill the wire. */
function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
