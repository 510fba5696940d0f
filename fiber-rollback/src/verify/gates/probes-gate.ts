import { z } from "zod";
import { ask, describeAnswer, fillAddress, jsonOf } from "../ask.js";
import type { AwaitedProbes } from "../awaited-probes.js";
import {
  checkOf,
  type GateCheck,
  type GateReading,
  good,
  notYet,
  unmeasurable,
} from "../gate-check.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";

/** Time for a sample on its way, on top of two intervals of the slowest probe, ms. */
const ON_ITS_WAY_MS = 5_000;
const SHOWN = 5;

/** What is read of GET /api/metrics: any release's answer has this much. */
const roundsSchema = z.array(
  z.object({
    node_id: z.string(),
    region: z.string(),
    timestamp: z.string(),
    targets: z.array(z.object({ timestamp: z.string() })).default([]),
  }),
);

type Round = z.infer<typeof roundsSchema>[number];

/**
 * Every awaited probe has a sample that was measured after the switch and that the API shows. Only
 * such a sample proves the whole way: probe, push, database, read.
 */
export function probesGate(
  gate: GateOf<"fiber-probes">,
  context: VerifyContext,
  awaited: AwaitedProbes,
): GateCheck {
  return checkOf(gate, async (signal) => {
    const known = await awaited.read();
    if (known.probes === null) {
      return unmeasurable(`who reported before is not known: ${known.why}`, "the database");
    }
    const url = `${fillAddress(gate.url, context.env)}/api/metrics`;
    const answer = await ask(url, context, signal);
    const rounds = roundsSchema.safeParse(jsonOf(answer));
    if (answer.kind === "unreachable" || answer.status !== 200 || !rounds.success) {
      const value = describeAnswer(answer);
      return notYet(value, "the API's list of probes");
    }
    const fresh = rounds.data.filter((round) => newestMs(round) >= context.sinceMs);
    const longestMs = Math.max(0, ...known.probes.map((probe) => probe.intervalMs));
    const reading =
      known.probes.length > 0
        ? compareByName(
            fresh,
            known.probes.map((probe) => probe.nodeId),
          )
        : compareByCount(fresh, context, gate.limit.min_probes);
    return { ...reading, needsMs: 2 * longestMs + ON_ITS_WAY_MS };
  });
}

function compareByName(fresh: readonly Round[], awaited: readonly string[]): GateReading {
  const back = new Set(fresh.map((round) => round.node_id));
  const missing = awaited.filter((nodeId) => !back.has(nodeId));
  const value = `${awaited.length - missing.length} of ${awaited.length} probes report again`;
  if (missing.length === 0) return good(value);
  const more = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more` : "";
  return notYet(value, missing.slice(0, SHOWN).join(", ") + more);
}

/** Nobody reported in the 15 minutes before: the baseline's count a region, else the limit. */
function compareByCount(
  fresh: readonly Round[],
  { baseline }: VerifyContext,
  minimum: number,
): GateReading {
  const wanted = Object.entries(baseline?.probesByRegion ?? {}).filter(([, count]) => count > 0);
  const value = `${fresh.length} probes report`;
  if (wanted.length === 0) {
    return fresh.length >= minimum ? good(value) : notYet(value, `at least ${minimum}`);
  }
  const missing = wanted.flatMap(([region, count]) => {
    const found = fresh.filter((round) => round.region === region).length;
    return found >= count ? [] : [`${count - found} in ${region}`];
  });
  return missing.length === 0
    ? good(`${value}, as many a region as while it was good`)
    : notYet(value, missing.join(", "));
}

function newestMs(round: Round): number {
  return Math.max(
    Date.parse(round.timestamp),
    ...round.targets.map((target) => Date.parse(target.timestamp)),
  );
}
