import type { NodeState, Posture } from "#contracts";

/** How a state looks: its colour token, and its place when the worst comes first. */
export interface StateLook {
  readonly color: string;
  readonly severity: number;
}

/** The look of every state. Which state a node is in comes from the API alone. */
export const STATE_LOOKS: Readonly<Record<NodeState, StateLook>> = {
  DOWN: { color: "var(--down)", severity: 4 },
  STALE: { color: "var(--stale)", severity: 3 },
  CRITICAL: { color: "var(--critical)", severity: 2 },
  DEGRADED: { color: "var(--degraded)", severity: 1 },
  HEALTHY: { color: "var(--healthy)", severity: 0 },
};

/** The colour token of a posture. */
export const POSTURE_COLORS: Readonly<Record<Posture, string>> = {
  SECURED: "var(--healthy)",
  CONTESTED: "var(--degraded)",
  COMPROMISED: "var(--down)",
};

/** The worst of some states, for a group that is drawn as one. */
export function worstState(states: readonly NodeState[]): NodeState {
  return states.reduce<NodeState>(
    (worst, state) => (STATE_LOOKS[state].severity > STATE_LOOKS[worst].severity ? state : worst),
    "HEALTHY",
  );
}
