import { targetFigures } from "#db";
import { checkOf, type GateCheck, good, notYet, unmeasurable } from "../gate-check.js";
import type { BeforeRun, VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";

/** Below this a change of RTT is noise, ms. */
const NOISE_MS = 20;
const SHOWN = 3;

type Figures = BeforeRun["targets"][number];

/**
 * Targets' RTT and loss after the switch beside those before. Decides only when the probe's own
 * code changed: an unrelated cut of a fibre must not fail a correct rollback.
 */
export function targetsGate(gate: GateOf<"fiber-targets">, context: VerifyContext): GateCheck {
  const { db, before, clock, sinceMs } = context;
  const check = checkOf(gate, async () => {
    if (db === null) return unmeasurable("there is no database", "a database");
    const after = await targetFigures(db, { startMs: sinceMs, endMs: clock.now() });
    if (after.length === 0) return notYet("no target was measured yet", "the first round");
    if (before === null || before.targets.length === 0) {
      return good(`${after.length} targets measured, nothing to compare with`);
    }
    const key = (one: { nodeId: string; target: string; check: string }) =>
      JSON.stringify([one.nodeId, one.target, one.check]);
    const known = new Map(before.targets.map((one) => [key(one), one]));
    const worse = after.flatMap((one) => {
      const earlier = known.get(key(one));
      const how = earlier === undefined ? null : howMuchWorse(earlier, one, gate.limit);
      return how === null ? [] : [`${one.nodeId} → ${one.target} ${how}`];
    });
    const value = `${after.length - worse.length} of ${after.length} targets look as before`;
    if (worse.length === 0) return good(value);
    return notYet(`${value}; ${worse.slice(0, SHOWN).join(", ")}`, "RTT and loss as before");
  });
  return { ...check, blocking: context.probeCodeChanged === true };
}

function howMuchWorse(
  before: Figures,
  after: { readonly rttMs: number | null; readonly lossPct: number },
  limit: GateOf<"fiber-targets">["limit"],
): string | null {
  if (after.lossPct - before.lossPct > limit.loss_points) {
    return `loss ${before.lossPct.toFixed(1)} → ${after.lossPct.toFixed(1)} %`;
  }
  if (before.rttMs === null || after.rttMs === null) return null;
  const rise = after.rttMs - before.rttMs;
  return rise > NOISE_MS && after.rttMs > before.rttMs * limit.rtt_factor
    ? `RTT ${before.rttMs.toFixed(1)} → ${after.rttMs.toFixed(1)} ms`
    : null;
}
