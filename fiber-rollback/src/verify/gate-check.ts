import type { VerifyContext } from "./verify-context.js";
import type { VerifyGate } from "./verify-spec.js";

/** One measurement of a gate. */
export interface GateReading {
  /** `unmeasurable`: it could not be asked at all, which at the end counts as failed. */
  readonly kind: "good" | "not-yet" | "unmeasurable";
  readonly value: string;
  readonly waitsFor: string | null;
  /** When the gate finds that it needs more time than its `within_s`, ms from the beginning. */
  readonly needsMs?: number;
}

/** A gate that can be measured again and again. */
export interface GateCheck {
  readonly blocking: boolean;
  /** Never throws: what cannot be measured is a reading. */
  measure(signal: AbortSignal): Promise<GateReading>;
}

/** Makes the check of a gate. */
export function createGateCheck(gate: VerifyGate, _context: VerifyContext): GateCheck {
  return {
    blocking: gate.blocking,
    measure: async () => ({
      kind: "unmeasurable",
      value: `${gate.kind} is not measured`,
      waitsFor: null,
    }),
  };
}
