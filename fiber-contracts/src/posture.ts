import type { NodeState } from "./node-state.js";

/** Postures of the fleet, from best to worst. */
export const POSTURES = ["SECURED", "CONTESTED", "COMPROMISED"] as const;

/** One of {@link POSTURES}. */
export type Posture = (typeof POSTURES)[number];

/** Worsening shows after 10 s of the new posture, recovery after 30 s. */
export const POSTURE_HOLD_MS = { worse: 10_000, better: 30_000 } as const;

/** The part of a node that posture depends on. */
export interface PostureNode {
  readonly nodeId: string;
  readonly state: NodeState;
  readonly reason: string | null;
}

/** A posture with its cause in a few words; the cause is null when SECURED. */
export interface PostureVerdict {
  readonly posture: Posture;
  readonly reason: string | null;
}

/** Posture with its memory: what is shown, and what is waiting to replace it. */
export interface PostureMemory extends PostureVerdict {
  /** Epoch ms since when the shown posture holds. */
  readonly sinceMs: number;
  readonly candidate: Posture | null;
  /** Epoch ms since when the candidate would hold, null without one. */
  readonly candidateSinceMs: number | null;
}

/** The posture of this moment, without memory. An empty fleet is SECURED. */
export function instantPosture(nodes: readonly PostureNode[]): PostureVerdict {
  const inState = (...states: readonly NodeState[]) =>
    nodes.filter((node) => states.includes(node.state));
  const gone = inState("DOWN", "STALE");
  const critical = inState("CRITICAL");
  const first = gone[0] ?? critical[0] ?? inState("DEGRADED")[0];
  if (first === undefined) return { posture: "SECURED", reason: null };
  const compromised = gone.length > 0 || critical.length >= 2;
  return {
    posture: compromised ? "COMPROMISED" : "CONTESTED",
    reason: `${first.nodeId}: ${first.reason ?? first.state}`,
  };
}

/**
 * Hysteresis: the next memory given what holds now. A new posture must hold for
 * {@link POSTURE_HOLD_MS} without a break in its direction before it is shown.
 * Without memory the instant posture is taken at once.
 */
export function nextPosture(
  memory: PostureMemory | null,
  instant: PostureVerdict,
  nowMs: number,
): PostureMemory {
  const settled = { candidate: null, candidateSinceMs: null };
  if (memory === null) return { ...instant, sinceMs: nowMs, ...settled };
  if (instant.posture === memory.posture) {
    return { ...instant, sinceMs: memory.sinceMs, ...settled };
  }
  const worse = rank(instant.posture) > rank(memory.posture);
  const sameDirection =
    memory.candidate !== null && rank(memory.candidate) > rank(memory.posture) === worse;
  // A clock that jumped back starts the wait anew instead of prolonging it.
  const since =
    sameDirection && memory.candidateSinceMs !== null && memory.candidateSinceMs <= nowMs
      ? memory.candidateSinceMs
      : nowMs;
  if (nowMs - since >= (worse ? POSTURE_HOLD_MS.worse : POSTURE_HOLD_MS.better)) {
    return { ...instant, sinceMs: nowMs, ...settled };
  }
  return { ...memory, candidate: instant.posture, candidateSinceMs: since };
}

function rank(posture: Posture): number {
  return POSTURES.indexOf(posture);
}
