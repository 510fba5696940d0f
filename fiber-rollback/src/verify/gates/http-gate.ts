import { ask, describeAnswer, fillAddress } from "../ask.js";
import { checkOf, type GateCheck, good, notYet } from "../gate-check.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";

/** A URL that must answer a status, and where asked a text. */
export function httpGate(gate: GateOf<"http">, context: VerifyContext): GateCheck {
  return checkOf(gate, async (signal) => {
    const answer = await ask(fillAddress(gate.url, context.env), context, signal);
    const wanted = `status ${gate.expect.status}`;
    if (answer.kind === "unreachable" || answer.status !== gate.expect.status) {
      return notYet(describeAnswer(answer), wanted);
    }
    const text = gate.expect.contains;
    const filled = text === undefined ? null : fillAddress(text, context.env);
    return filled === null || answer.text.includes(filled)
      ? good(`${answer.url} answers ${answer.status}`)
      : notYet(`${answer.url} answers ${answer.status} without "${filled}"`, `"${filled}"`);
  });
}
