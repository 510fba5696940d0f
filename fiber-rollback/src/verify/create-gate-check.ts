import type { AwaitedProbes } from "./awaited-probes.js";
import type { GateCheck } from "./gate-check.js";
import { commandGate } from "./gates/command-gate.js";
import { dashboardGate } from "./gates/dashboard-gate.js";
import { errorsGate } from "./gates/errors-gate.js";
import { httpGate } from "./gates/http-gate.js";
import { ingestGate } from "./gates/ingest-gate.js";
import { probesGate } from "./gates/probes-gate.js";
import { statusGate } from "./gates/status-gate.js";
import { targetsGate } from "./gates/targets-gate.js";
import type { VerifyContext } from "./verify-context.js";
import type { VerifyGate } from "./verify-spec.js";

/** Makes the check of a gate of fiber.yaml. */
export function createGateCheck(
  gate: VerifyGate,
  context: VerifyContext,
  awaited: AwaitedProbes,
): GateCheck {
  switch (gate.kind) {
    case "http":
      return httpGate(gate, context);
    case "command":
      return commandGate(gate, context);
    case "fiber-status":
      return statusGate(gate, context, awaited);
    case "fiber-probes":
      return probesGate(gate, context, awaited);
    case "fiber-ingest":
      return ingestGate(gate, context);
    case "fiber-errors":
      return errorsGate(gate, context);
    case "fiber-dashboard":
      return dashboardGate(gate, context);
    case "fiber-targets":
      return targetsGate(gate, context);
  }
}
