import { runCommand } from "#runtime";
import { checkOf, type GateCheck, good, notYet, unmeasurable } from "../gate-check.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";

/** A shell command of fiber.yaml that must end with 0. */
export function commandGate(gate: GateOf<"command">, context: VerifyContext): GateCheck {
  return checkOf(gate, async (signal) => {
    const result = await runCommand(["sh", "-c", gate.run], {
      cwd: context.cwd,
      env: context.env,
      timeoutMs: gate.within_s * 1_000,
      signal,
    });
    if (result.startError !== null && result.exitCode === null && !result.timedOut) {
      return unmeasurable(`sh could not be started: ${result.startError}`, "a shell");
    }
    if (result.exitCode === 0) return good(`${gate.run} ended with 0`);
    const tail = (result.stderr || result.stdout).trim().split("\n").at(-1) ?? "";
    const how = result.timedOut ? "did not end in time" : `ended with ${result.exitCode}`;
    return notYet(`${gate.run} ${how}${tail === "" ? "" : `: ${tail}`}`, "exit 0");
  });
}
