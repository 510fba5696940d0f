import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { NodeState } from "#contracts";
import styles from "./state-mark.module.css";
import { STATE_LOOKS } from "./states.js";

const SHAPES: Readonly<Record<NodeState, ReactNode>> = {
  HEALTHY: <circle r="5" />,
  DEGRADED: <path d="M0 -6 L6 5 L-6 5 Z" />,
  CRITICAL: <path d="M0 -6.5 L6.5 0 L0 6.5 L-6.5 0 Z" />,
  DOWN: <path d="M-5 -5 L5 5 M5 -5 L-5 5" fill="none" stroke="currentColor" strokeWidth="3" />,
  STALE: (
    <circle
      r="4.75"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.5"
      strokeDasharray="3.2 1.8"
    />
  ),
};

/** A state's shape, drawn around 0,0 within 7 px, in the current colour. */
export function StateShape({ state }: { state: NodeState }) {
  return <g fill="currentColor">{SHAPES[state]}</g>;
}

/** A state as colour, shape and word; `bare` leaves the word to screen readers. */
export function StateMark({ state, bare = false }: { state: NodeState; bare?: boolean }) {
  const { t } = useTranslation();
  return (
    <span className={styles.mark}>
      <svg
        className={styles.shape}
        viewBox="-8 -8 16 16"
        aria-hidden="true"
        style={{ color: STATE_LOOKS[state].color }}
      >
        <StateShape state={state} />
      </svg>
      <span className={bare ? "visually-hidden" : styles.word}>{t(`state.${state}`)}</span>
    </span>
  );
}
