import { FiberError } from "#contracts";
import { createAwaitedProbes } from "./awaited-probes.js";
import { createGateCheck } from "./create-gate-check.js";
import type { GateCheck, GateReading } from "./gate-check.js";
import type {
  GateStanding,
  VerifyContext,
  VerifyObserver,
  VerifyOutcome,
} from "./verify-context.js";
import type { VerifyGate } from "./verify-spec.js";

/** How often a gate is measured while it is watched, ms. */
const POLL_MS = 1_000;

interface Watched {
  readonly gate: VerifyGate;
  readonly check: GateCheck;
  standing: GateStanding;
  goodSinceMs: number | null;
  deadlineMs: number;
}

/**
 * Measures all gates side by side until every blocking one is good at the same time and has held
 * for its `hold_s`, or until one is not good at the end of its `within_s`. A gate that cannot be
 * measured is not good, and has failed when its time is over. Gates that are only shown are
 * measured meanwhile and never decide.
 *
 * @throws never for a gate; only when `signal` aborts, FiberError ABORTED
 */
export async function runVerification(
  gates: readonly VerifyGate[],
  context: VerifyContext,
  observe: VerifyObserver = () => {},
): Promise<VerifyOutcome> {
  const startedMs = context.clock.now();
  const awaited = createAwaitedProbes(context);
  const watched = gates.map((gate) =>
    watch(gate, createGateCheck(gate, context, awaited), startedMs),
  );
  const standings = () => watched.map((one) => one.standing);
  const decided = new AbortController();
  const signals = [decided.signal, ...(context.signal === undefined ? [] : [context.signal])];
  const signal = AbortSignal.any(signals);
  const follow = async (one: Watched) => {
    while (!signal.aborted) {
      const reading = await one.check.measure(signal);
      if (signal.aborted) return;
      judge(one, reading, context.clock.now(), startedMs);
      observe(standings());
      if (isDecided(watched)) decided.abort();
      await context.clock.sleep(POLL_MS, signal);
    }
  };
  await Promise.all(watched.map(follow));
  if (context.signal?.aborted) {
    throw new FiberError("ABORTED", "The verification was ended before it could decide.");
  }
  return outcomeOf(standings(), context.clock.now() - startedMs);
}

function watch(gate: VerifyGate, check: GateCheck, startedMs: number): Watched {
  return {
    gate,
    check,
    goodSinceMs: null,
    deadlineMs: startedMs + 1_000 * (gate.within_s + gate.hold_s),
    standing: {
      id: gate.id,
      title: gate.title,
      blocking: check.blocking,
      verdict: "waiting",
      value: "not measured yet",
      waitsFor: "its first measurement",
      measuredAt: null,
      tookMs: 0,
    },
  };
}

function judge(one: Watched, reading: GateReading, nowMs: number, startedMs: number): void {
  const { gate } = one;
  one.deadlineMs = Math.max(one.deadlineMs, startedMs + (reading.needsMs ?? 0));
  const wasGood = one.standing.verdict === "good";
  one.goodSinceMs = reading.kind === "good" ? (one.goodSinceMs ?? nowMs) : null;
  const heldMs = one.goodSinceMs === null ? 0 : nowMs - one.goodSinceMs;
  const leftMs = gate.hold_s * 1_000 - heldMs;
  const isGood = one.goodSinceMs !== null && leftMs <= 0;
  const isLate = nowMs >= one.deadlineMs;
  const lateVerdict = reading.kind === "unmeasurable" ? "unmeasurable" : "failed";
  one.standing = {
    ...one.standing,
    verdict: isGood ? "good" : isLate ? lateVerdict : "waiting",
    value: reading.value,
    waitsFor: isGood
      ? null
      : reading.kind === "good"
        ? `${Math.ceil(leftMs / 1_000)} s more without a break`
        : reading.waitsFor,
    measuredAt: new Date(nowMs).toISOString(),
    tookMs: isGood && wasGood ? one.standing.tookMs : nowMs - startedMs,
  };
}

/** All blocking gates good at once, or one of them out of time. */
function isDecided(watched: readonly Watched[]): boolean {
  const blocking = watched.map((one) => one.standing).filter((one) => one.blocking);
  const shown = watched.map((one) => one.standing).filter((one) => !one.blocking);
  if (blocking.some((one) => one.verdict === "failed" || one.verdict === "unmeasurable")) {
    return true;
  }
  // What is only shown is measured at least once, so that the report can show it.
  return (
    blocking.every((one) => one.verdict === "good") && shown.every((one) => one.measuredAt !== null)
  );
}

function outcomeOf(gates: readonly GateStanding[], durationMs: number): VerifyOutcome {
  const blocking = gates.filter((gate) => gate.blocking);
  const bad = blocking.filter((gate) => gate.verdict !== "good");
  if (bad.length === 0) {
    const summary =
      blocking.length === 0
        ? "every gate is shown, none decides"
        : `${blocking.length} gates good within ${Math.round(durationMs / 1_000)} s`;
    return { verdict: "passed", summary, durationMs, gates };
  }
  const told = (those: readonly GateStanding[]) =>
    those.map((gate) => `${gate.title}: ${gate.value}`).join("; ");
  // Whichever gate was out of time first decided; what else is not good may be the cause.
  const waiting = bad.filter((gate) => gate.verdict === "waiting");
  const failed = bad.filter((gate) => gate.verdict !== "waiting");
  const summary = [
    ...(failed.length > 0 ? [told(failed)] : []),
    ...(waiting.length > 0 ? [`not good yet: ${told(waiting)}`] : []),
  ].join("; ");
  return { verdict: "failed", summary, durationMs, gates };
}
