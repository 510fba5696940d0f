import { FiberError } from "#contracts";
import {
  countDiffering,
  currentRevision,
  dropWorkSchema,
  findDatabase,
  inSession,
  readRounds,
  readyForScans,
  sumRounds,
  upgrade,
} from "#db";
import { writeDurably } from "../durable-files.js";
import type { Step } from "../engine/step.js";
import { urlOfDatabase } from "../pg-tools.js";
import { removePlainCopy, titleOf } from "./beside-step.js";
import { liftIn } from "./fence-step.js";
import { removeRecovered } from "./recover-step.js";
import { onDatabase, type RestoreContext } from "./restore-context.js";
import { makeReport, reportPath } from "./restore-report.js";

/** Upgrades the restored schema while nobody uses it yet. */
export function upgradeStep({ plan, ports }: RestoreContext): Step {
  const connectionString = urlOfDatabase(ports.admin, plan.restored);
  const isHead = async () => (await currentRevision({ connectionString })).isHead;
  return {
    id: "upgrade",
    title: titleOf(plan, "upgrade"),
    kind: "reversible",
    lasting: true,
    check: async () => ((await isHead()) ? { state: "done" } : { state: "needed" }),
    async run() {
      const release = process.env.FIBER_RELEASE ?? "dev";
      const { from, to } = await upgrade({ connectionString, release });
      return { from, to };
    },
    async verify() {
      if (await isHead()) return;
      throw new FiberError("MIGRATION_FAILED", `${plan.restored} is not at this release's schema.`);
    },
  };
}

/** Lifts the fence that came along with the swap. */
export function liftStep(context: RestoreContext): Step {
  const { plan } = context;
  return {
    id: "lift",
    title: titleOf(plan, "lift"),
    kind: "compensable",
    lasting: true,
    check: async () => ({ state: "needed" }),
    run: async () => ({ lifted: await liftIn(context, plan.live.name) }),
    verify: async () => {},
  };
}

/** Writes the report and removes what the restore kept in the database for itself. */
export function reportStep(context: RestoreContext): Step {
  const { plan, ports } = context;
  return {
    id: "report",
    title: titleOf(plan, "report"),
    kind: "reversible",
    lasting: true,
    check: async () => ({ state: "needed" }),
    async run() {
      const path = reportPath(context);
      const rounds = await onDatabase(ports, plan.live.name, (s) => readRounds(s, plan.id));
      // A killed earlier attempt may have written the report and removed the rounds.
      if (rounds.length > 0) {
        const differing = await findDiffering(context);
        const tables = sumRounds(rounds).map((one) => ({
          ...one,
          differing: differing.get(one.table) ?? null,
        }));
        const report = makeReport(context, tables);
        await writeDurably(path, `${JSON.stringify(report, null, 2)}\n`);
      }
      await onDatabase(ports, plan.live.name, dropWorkSchema);
      await removeRecovered(context.folder);
      await removePlainCopy(context.folder);
      return { path };
    },
    verify: async () => {},
  };
}

/** Rows whose values differ, by table; nothing when the quarantine is gone already. */
async function findDiffering({
  plan,
  ports,
}: RestoreContext): Promise<ReadonlyMap<string, number | null>> {
  const kept = await onDatabase(ports, null, (s) => findDatabase(s, plan.quarantine));
  if (kept === null) return new Map();
  return await onDatabase(ports, plan.quarantine, (source) =>
    onDatabase(ports, plan.live.name, async (target) => {
      await readyForScans(source);
      return await inSession(target, () => countDiffering(source, target));
    }),
  );
}
