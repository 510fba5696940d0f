import { backupStep, restorePointStep } from "../deploy/backup-steps.js";
import { migrateStep } from "../deploy/migrate-step.js";
import type { RunContext } from "../engine/run-context.js";
import type { Step } from "../engine/step.js";
import type { StepId } from "../engine/step-catalogue.js";
import type { ReleaseWorld } from "./release-world.js";
import { runFactsSchema } from "./run-facts.js";
import { artefactStep, gatesStep } from "./steps/build-steps.js";
import {
  besideRunStep,
  carryRunStep,
  dataFenceStep,
  recoverRunStep,
  swapRunStep,
} from "./steps/data-steps.js";
import { fenceStep, liftStep } from "./steps/fence-steps.js";
import { endMaintenanceStep, maintenanceStep } from "./steps/maintenance-steps.js";
import { preflightStep } from "./steps/preflight-step.js";
import { recordStep, reportStep } from "./steps/record-steps.js";
import { downgradeStep, stopWriterStep } from "./steps/schema-steps.js";
import type { StepBase } from "./steps/step-base.js";
import { switchStep } from "./steps/switch-step.js";
import { verifyStep } from "./steps/verify-step.js";

const STEPS: Readonly<Record<StepId, (base: StepBase) => Step>> = {
  preflight: preflightStep,
  gates: gatesStep,
  artefact: artefactStep,
  maintenance: maintenanceStep,
  backup: backupStep,
  recover: recoverRunStep,
  beside: besideRunStep,
  carry: carryRunStep,
  fence: (base) => (base.facts.restore === null ? fenceStep(base) : dataFenceStep(base)),
  "restore-point": restorePointStep,
  "stop-writer": stopWriterStep,
  migrate: migrateStep,
  downgrade: downgradeStep,
  swap: swapRunStep,
  switch: switchStep,
  lift: liftStep,
  verify: verifyStep,
  record: recordStep,
  "end-maintenance": endMaintenanceStep,
  report: reportStep,
};

/** Makes the steps of a deploy, a rollback, an undo or a take-back from its plan. */
export function makeSteps(world: ReleaseWorld, context: RunContext): readonly Step[] {
  const facts = runFactsSchema.parse(context.plan.facts);
  return context.plan.steps.flatMap(({ id }) => {
    const make = STEPS[id as StepId] as ((base: StepBase) => Step) | undefined;
    return make === undefined ? [] : [make({ context, facts, world })];
  });
}
