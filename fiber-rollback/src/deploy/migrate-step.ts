import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  currentRevision,
  findDamage,
  inSession,
  migrationRecordFile,
  type TableDamage,
  type TableFingerprint,
  upgrade,
} from "#db";
import type { Step } from "../engine/step.js";
import { urlOfDatabase } from "../pg-tools.js";
import { onDatabase } from "../restore/restore-context.js";
import { readSource } from "../rollback/find-source.js";
import { dataPorts, makeStep, type StepBase, targetArtefact } from "../rollback/steps/step-base.js";

/** How long a migration may wait for a lock while nobody can write. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Applies the migrations of the target's own artefact, and compares what every append and state
 * table holds with what it held: a migration that destroys data fails here even when it exits 0.
 */
export function migrateStep(base: StepBase): Step {
  const { facts, context } = base;
  const wanted = facts.up?.to ?? null;
  const url = () => {
    const { admin, database } = dataPorts(base);
    return urlOfDatabase(admin, database);
  };
  return makeStep("migrate", base, {
    data: "locks-itself",
    async run() {
      const artefact = await targetArtefact(base);
      const { from, to, steps } = await upgrade({
        connectionString: url(),
        folder: join(artefact.ref, facts.migrations ?? ""),
        release: facts.target.tag,
        target: wanted ?? "head",
        lockTimeoutMs: LOCK_TIMEOUT_MS,
        recordFile: migrationRecordFile(base.world.stateDir),
        onStep: ({ revision, title }) => context.standing("migrate", { revision, title }),
      });
      return { from, to, applied: steps.map((step) => step.revision) };
    },
    async verify() {
      const { revision } = await currentRevision({ connectionString: url() });
      if (revision !== wanted) {
        throw new FiberError(
          "MIGRATION_FAILED",
          `The schema is at ${revision ?? "the base"} and should be at ${wanted ?? "the base"}.`,
        );
      }
      if (facts.up?.allowLoss !== true) await refuseDamage(base);
    },
  });
}

async function refuseDamage(base: StepBase): Promise<void> {
  const before = tablesBefore(base);
  const ports = dataPorts(base);
  const damage = await onDatabase(ports, ports.database, (session) =>
    inSession(session, () => findDamage(session, before), "BEGIN ISOLATION LEVEL REPEATABLE READ"),
  );
  if (damage.length === 0) return;
  throw new FiberError(
    "DATA_DESTROYED",
    `The migration ran to its end and destroyed data: ${describeDamage(damage)}. If that is what it ` +
      `is for, deploy it with --allow-loss.${wayBack(base)}`,
  );
}

/** Without a release to go back to, nothing plans the restore: a person has to ask for it. */
function wayBack({ facts, context }: StepBase): string {
  const source = readSource(context.journal.outcome("restore-point")?.source);
  if (facts.from.artefact !== null || source === null || source.kind === "quarantine") return "";
  const from = source.kind === "point" ? `--to-point ${source.name}` : source.path;
  return ` There is no release to go back to, so nothing was restored: fiber restore ${from} brings the data back as it was before.`;
}

/** What the tables held under the fence, or once the writers had stopped. */
function tablesBefore({ context }: StepBase): readonly TableFingerprint[] {
  const { journal } = context;
  const tables = journal.outcome("restore-point")?.tables ?? journal.outcome("stop-writer")?.tables;
  return Array.isArray(tables) ? (tables as TableFingerprint[]) : [];
}

/** Damage in words: "samples lost 3 of 100 rows". */
function describeDamage(damage: readonly TableDamage[]): string {
  return damage.map(({ table, what }) => `${table} ${what}`).join("; ");
}
