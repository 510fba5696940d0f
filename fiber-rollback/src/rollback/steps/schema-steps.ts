import { FiberError } from "#contracts";
import { currentRevision, downgrade } from "#db";
import { readTables } from "../../deploy/backup-steps.js";
import type { Step } from "../../engine/step.js";
import { urlOfDatabase } from "../../pg-tools.js";
import { describeLoss } from "../choose-level.js";
import { checkWayDown, lossDownTo, readDatabase } from "../read-database.js";
import { dataPorts, makeStep, type StepBase } from "./step-base.js";

/** Stops the API and the writer, so that nobody works on a schema that changes. */
export function stopWriterStep(base: StepBase): Step {
  const { world, facts, context } = base;
  return makeStep("stop-writer", base, {
    // Whoever switches by hand meanwhile starts the writer too.
    lasting: false,
    async check() {
      const before = context.journal.outcome("stop-writer");
      const names = Array.isArray(before?.stopped) ? before.stopped : [];
      const stopped = await stoppedRoles(base);
      const still = names.length > 0 && names.every((name) => stopped.includes(String(name)));
      return still && before !== null ? { state: "done", detail: before } : { state: "needed" };
    },
    async run() {
      await world.driver.stopWriter();
      const stopped = await stoppedRoles(base);
      const counted = context.journal.outcome("restore-point");
      const counts = facts.up !== null && counted !== null && counted.tables === null;
      return { stopped, ...(counts ? { tables: await readTables(base) } : {}) };
    },
    undo: () => world.driver.startWriter(),
  });
}

async function stoppedRoles({ world }: StepBase): Promise<readonly string[]> {
  const { roles } = await world.driver.running();
  return roles.filter((role) => role.state === "stopped").map((role) => role.name);
}

/** Takes migrations back with the SQL that was stored when they were applied. */
export function downgradeStep(base: StepBase): Step {
  const { facts } = base;
  const wanted = facts.down?.to ?? null;
  const url = () => {
    const { admin, database } = dataPorts(base);
    return urlOfDatabase(admin, database);
  };
  const isThere = async () => {
    const { applied } = await readDatabase(dataPorts(base));
    const last = applied.at(-1);
    return (last?.revision ?? null) === wanted && (last === undefined || last.status === "applied");
  };
  return makeStep("downgrade", base, {
    data: "locks-itself",
    check: async () => ((await isThere()) ? { state: "done" } : { state: "needed" }),
    async run() {
      await refuseSurprise(base);
      const { from, to, steps } = await downgrade({
        connectionString: url(),
        target: wanted ?? "base",
        onStep: ({ revision, title }) => base.context.standing("downgrade", { revision, title }),
      });
      return { from, to, takenBack: steps.map((step) => step.revision) };
    },
    async verify() {
      if (await isThere()) return;
      const { revision } = await currentRevision({ connectionString: url() });
      throw new FiberError(
        "MIGRATION_FAILED",
        `The schema is at ${revision ?? "the base"} and should be at ${wanted ?? "the base"}.`,
      );
    },
  });
}

/** Between plan and now rows may have come, or somebody may have touched the way down. */
async function refuseSurprise(base: StepBase): Promise<void> {
  const { facts, world } = base;
  const ports = dataPorts(base);
  const state = await readDatabase(ports);
  const head = facts.down?.to ?? null;
  const way = await checkWayDown(ports, state, {
    ...{ head, folder: null },
    records: () => world.store.list(),
  });
  if (way.kind === "tampered") throw new FiberError("MIGRATION_TAMPERED", way.why);
  const loss = await lossDownTo(ports, state, head);
  if (loss === null || loss.nothing || facts.down?.allowLoss === true) return;
  throw new FiberError(
    "LOSS_REFUSED",
    `Since the plan was made rows have come that the way down drops: ${describeLoss({ loss })}. ` +
      "Nothing was dropped. Take this run back (fiber rollback abort) and plan again, with " +
      "--allow-loss or --restore-data.",
  );
}
