import { type Fence, fenced, type Refusal, SHUTTING_DOWN } from "./outcomes.js";

/** Says whether appends are taken at this moment, and why not. */
export interface Gate {
  /** The answer to every append while it is not null. */
  refusal: Refusal | null;
  isFenced(): boolean;
  /** What appends go to went away (with the answer to give) or is back (null). */
  setAway(away: Refusal | null): void;
  setFence(fence: Fence | null): void;
  /** For good. */
  close(): void;
}

/** Makes an open {@link Gate}. Closing outranks an absent destination, which outranks a fence. */
export function createGate(): Gate {
  let away: Refusal | null = null;
  let fence: Fence | null = null;
  let closed = false;

  function update(): void {
    gate.refusal = closed ? SHUTTING_DOWN : (away ?? (fence === null ? null : fenced(fence)));
  }

  const gate: Gate = {
    refusal: null,
    isFenced: () => fence !== null,
    setAway(next) {
      away = next;
      update();
    },
    setFence(next) {
      fence = next;
      update();
    },
    close() {
      closed = true;
      update();
    },
  };
  return gate;
}
