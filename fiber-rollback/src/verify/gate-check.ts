import type { VerifyGate } from "./verify-spec.js";

/** One measurement of a gate. */
export interface GateReading {
  /** `unmeasurable`: it could not be asked at all, which at the end counts as failed. */
  readonly kind: "good" | "not-yet" | "unmeasurable";
  /** What was found, in words. */
  readonly value: string;
  /** What is missing, in words; null when nothing is. */
  readonly waitsFor: string | null;
  /** When the gate finds that it needs more time than its `within_s`: ms from the beginning. */
  readonly needsMs?: number;
}

/** A gate that can be measured again and again. */
export interface GateCheck {
  readonly blocking: boolean;
  /** Never throws: what cannot be measured is a reading. */
  measure(signal: AbortSignal): Promise<GateReading>;
}

/** A good reading. */
export const good = (value: string): GateReading => ({ kind: "good", value, waitsFor: null });

/** A reading that is not good yet. */
export const notYet = (value: string, waitsFor: string): GateReading => ({
  kind: "not-yet",
  value,
  waitsFor,
});

/** A reading that could not be taken. */
export const unmeasurable = (value: string, waitsFor: string): GateReading => ({
  kind: "unmeasurable",
  value,
  waitsFor,
});

/** A gate whose measuring may throw; what it throws is told as unmeasurable. */
export function checkOf(
  gate: Pick<VerifyGate, "blocking" | "title">,
  measure: (signal: AbortSignal) => Promise<GateReading>,
): GateCheck {
  return {
    blocking: gate.blocking,
    measure: async (signal) => {
      try {
        return await measure(signal);
      } catch (err) {
        const message = err instanceof Error ? err.message : String(err);
        return unmeasurable(`could not be measured: ${message}`, "a measurement");
      }
    },
  };
}
