import { describeAnswer } from "../ask.js";
import { checkOf, type GateCheck, good, notYet } from "../gate-check.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";
import { askStatus, statusOf } from "./status-gate.js";

/** Ingest is open, and its oldest waiting sample is young enough. */
export function ingestGate(gate: GateOf<"fiber-ingest">, context: VerifyContext): GateCheck {
  // A release that was good while it lagged must not fail its own rollback.
  const limitS = Math.max(gate.limit.lag_s, 1.5 * (context.baseline?.ingestLagS ?? 0));
  return checkOf(gate, async (signal) => {
    const answer = await askStatus(gate.url, context, signal);
    const ingest = statusOf(answer)?.data.ingest;
    if (ingest === undefined) return notYet(describeAnswer(answer), "an answer of the API's own");
    if (ingest.fenced) return notYet("ingest is fenced", "the fence to be lifted");
    const value = `lag ${ingest.lag_s.toFixed(1)} s, ${ingest.depth} waiting`;
    return ingest.lag_s <= limitS ? good(value) : notYet(value, `a lag of at most ${limitS} s`);
  });
}
