import { ask, describeAnswer, fillAddress } from "../ask.js";
import { checkOf, type GateCheck, good, notYet } from "../gate-check.js";
import { checkPage } from "../page-check.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";
import { statusOf } from "./status-gate.js";

/**
 * The dashboard's page and everything it loads are there and are what they claim to be, and its way
 * to the API leads to the expected release.
 */
export function dashboardGate(gate: GateOf<"fiber-dashboard">, context: VerifyContext): GateCheck {
  const read = new Set<string>();
  return checkOf(gate, async (signal) => {
    const base = fillAddress(gate.url, context.env);
    const page = await checkPage(`${base}/`, (url) => ask(url, context, signal), read);
    if (page.kind === "broken") return notYet(page.why, "a page that renders");
    const answer = await ask(`${base}/api/status`, context, signal);
    const status = statusOf(answer);
    if (status === null) return notYet(describeAnswer(answer), "the dashboard's way to the API");
    const { release } = status.data;
    return release === context.expected.release
      ? good(`the page and its ${page.files} files are whole`)
      : notYet(`the dashboard shows release ${release}`, `release ${context.expected.release}`);
  });
}
