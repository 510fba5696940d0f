import type { Step } from "../../engine/step.js";
import { closeMaintenance, openMaintenance } from "../../maintenance/maintenance.js";
import { withPool } from "./preflight-step.js";
import { makeStep, type StepBase } from "./step-base.js";

/** A run that nobody goes on with must not mute alerts for ever. */
const LEAST_MS = 30 * 60_000;

/**
 * Opens maintenance under the run's id: alerts are muted, measuring goes on. It takes the place of
 * what the run that is taken back left open.
 */
export function maintenanceStep(base: StepBase): Step {
  const { context, facts } = base;
  const { id, kind, to, operator, estimate } = context.plan;
  return makeStep("maintenance", base, {
    async run() {
      const { openedMs, endsByMs } = await onPorts(base, async (ports) => {
        const opened = await openMaintenance(ports, {
          id,
          reason: `${kind} to ${to ?? "nothing"}`,
          openedBy: operator,
          forMs: Math.max(LEAST_MS, 3 * estimate.ms),
        });
        if (facts.takesBack !== null && facts.takesBack !== id) {
          await closeMaintenance(ports, facts.takesBack);
        }
        return opened;
      });
      return { openedMs, endsByMs };
    },
    undo: async () => {
      await onPorts(base, (ports) => closeMaintenance(ports, id));
    },
  });
}

/** Closes it; also after a take-back, which has the same id. */
export function endMaintenanceStep(base: StepBase): Step {
  return makeStep("end-maintenance", base, {
    async run() {
      const { id } = base.context.plan;
      const closed = await onPorts(base, (ports) => closeMaintenance(ports, id));
      return { closedMs: closed?.closedMs ?? null };
    },
  });
}

async function onPorts<T>(
  { world, context }: StepBase,
  work: (ports: Parameters<typeof openMaintenance>[0]) => Promise<T>,
): Promise<T> {
  const { clock, log } = context;
  return await withPool(world.data, (db) => work({ stateDir: world.stateDir, db, clock, log }));
}
