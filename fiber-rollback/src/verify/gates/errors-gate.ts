import { ask, describeAnswer, fillAddress } from "../ask.js";
import { checkOf, type GateCheck, good, notYet, unmeasurable } from "../gate-check.js";
import { type RequestCounts, readRequestCounts } from "../request-counts.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";

/** Reads that the gate makes itself, so that a share exists on an API that nobody else asks. */
const OWN_READS = ["/api/status", "/api/metrics", "/api/nodes"];

/**
 * The share of 5xx among all answers of the API over the last `window_s`, from the API's own
 * counters at /metrics.
 */
export function errorsGate(gate: GateOf<"fiber-errors">, context: VerifyContext): GateCheck {
  const windowMs = gate.limit.window_s * 1_000;
  const limitPct = Math.max(gate.limit.error_pct, 150 * (context.baseline?.errorRate ?? 0));
  const seen: (RequestCounts & { readonly atMs: number })[] = [];
  return checkOf(gate, async (signal) => {
    const base = fillAddress(gate.url, context.env);
    await Promise.all(OWN_READS.map((path) => ask(base + path, context, signal)));
    const answer = await ask(`${base}/metrics`, context, signal);
    const counts = answer.kind === "answered" ? readRequestCounts(answer.text) : null;
    if (counts === null) {
      seen.length = 0;
      return unmeasurable(describeAnswer(answer), "the API's counters");
    }
    const atMs = context.clock.now();
    // Counters that began anew say nothing of the time before.
    if (seen[0] !== undefined && seen[0].processStart !== counts.processStart) seen.length = 0;
    seen.push({ ...counts, atMs });
    while (seen[1] !== undefined && atMs - seen[1].atMs >= windowMs) seen.shift();
    return judge(seen, windowMs, limitPct);
  });
}

function judge(
  seen: readonly (RequestCounts & { readonly atMs: number })[],
  windowMs: number,
  limitPct: number,
) {
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined) return notYet("not counted yet", "a count");
  const total = last.total - first.total;
  const failed = last.failed - first.failed;
  const overMs = last.atMs - first.atMs;
  const pct = total === 0 ? 0 : (100 * failed) / total;
  const value = `${failed} of ${total} answers failed (${pct.toFixed(1)} %)`;
  if (overMs < windowMs) {
    return notYet(value, `${Math.ceil((windowMs - overMs) / 1_000)} s more of counting`);
  }
  if (total === 0) return unmeasurable("the API counted no answer", "an answer");
  return pct <= limitPct ? good(value) : notYet(value, `at most ${limitPct.toFixed(1)} %`);
}
