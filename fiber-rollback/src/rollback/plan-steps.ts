import type { PlannedStep } from "../engine/run-plan.js";
import { catalogueStep, type StepId } from "../engine/step-catalogue.js";
import type { RestorePlan } from "../restore/restore-plan.js";
import type { Level } from "./choose-level.js";
import {
  buildCommands,
  type CommandFacts,
  restoreCommands,
  type ShownCommand,
  stopWriterCommands,
  swapCommands,
  switchCommands,
} from "./plan-commands.js";
import type { DataSource } from "./plan-facts.js";

/** What the steps of a plan are about. */
export interface StepFacts extends CommandFacts {
  readonly target: string;
  /** The artefact has to be built. */
  readonly builds: boolean;
  /** The release whose data a backup holds. */
  readonly from: string;
  /** Where `downgrade` or `migrate` lead; null for the base. */
  readonly schemaHead: string | null;
  readonly source: DataSource | null;
  readonly restore: RestorePlan | null;
  /** What a lossy way down drops, in words; null for nothing. */
  readonly dropped: string | null;
}

/**
 * The steps of a rollback by its level, in their order.
 *
 * @param liftsFence a failed run's fence may still stand
 */
export function rollbackStepIds(
  level: Level,
  source: DataSource | null,
  liftsFence = false,
): readonly StepId[] {
  const head: readonly StepId[] = ["preflight", "artefact", "maintenance"];
  const tail: readonly StepId[] = ["verify", "record", "end-maintenance", "report"];
  switch (level) {
    case "code":
      return [...head, "switch", ...(liftsFence ? (["lift"] as const) : []), ...tail];
    case "schema":
      return [...head, "fence", "stop-writer", "downgrade", "switch", "lift", ...tail];
    case "data":
      return [
        ...head,
        ...(source?.kind === "point" ? (["recover"] as const) : []),
        ...(source?.kind === "quarantine" ? [] : (["beside"] as const)),
        "carry",
        "fence",
        "stop-writer",
        "swap",
        "switch",
        "lift",
        ...tail,
      ];
  }
}

/** The steps of a deploy; those of a schema change only where there is one. */
export function deployStepIds(facts: {
  readonly migrates: boolean;
  readonly backup: boolean;
}): readonly StepId[] {
  return [
    "preflight",
    "gates",
    "artefact",
    "maintenance",
    ...(facts.backup ? (["backup"] as const) : []),
    ...(facts.migrates
      ? (["fence", "restore-point", "stop-writer", "migrate", "switch", "lift"] as const)
      : (["switch"] as const)),
    "verify",
    "record",
    "end-maintenance",
  ];
}

/** The step behind which there is only forward, or a plan of its own that leads back. */
const PIVOTS: readonly StepId[] = ["migrate", "downgrade", "swap"];
const COMPENSABLE: readonly StepId[] = ["maintenance", "fence", "stop-writer", "switch", "lift"];

/** What kind of step it is within a run. */
export function kindOf(id: StepId): PlannedStep["kind"] {
  if (PIVOTS.includes(id)) return "pivot";
  return COMPENSABLE.includes(id) ? "compensable" : "reversible";
}

/** Steps as they are shown: title, kind, the commands a person would type, and what each loses. */
export function showSteps(ids: readonly StepId[], facts: StepFacts): PlannedStep[] {
  return ids.map((id) => ({
    id,
    title: catalogueStep(id).title,
    kind: kindOf(id),
    commands: commandsOf(id, facts),
    loses: id === "downgrade" ? facts.dropped : null,
  }));
}

/** The first step of a plan behind which there is only forward; null for none. */
export function pointOfNoReturn(steps: readonly PlannedStep[]): string | null {
  return steps.find((step) => step.kind === "pivot")?.id ?? null;
}

function commandsOf(id: StepId, facts: StepFacts): ShownCommand[] {
  const { target, repository, restore } = facts;
  switch (id) {
    case "preflight":
      return [
        ["git", "-C", repository, "status", "--porcelain"],
        ["git", "-C", repository, "verify-tag", "--raw", target],
      ];
    case "gates":
      return [["fiber", "gates"]];
    case "artefact":
      return facts.builds ? buildCommands(facts, target) : [];
    case "backup":
      return [["fiber", "backup", "create", "--tag", facts.from]];
    case "fence":
      return [["fiber", "ingest", "fence", "--for", "2m", "--reason", `switch to ${target}`]];
    case "stop-writer":
      return stopWriterCommands(facts, facts.from);
    case "migrate":
      return [["fiber", "migrate", "upgrade", facts.schemaHead ?? "head"]];
    case "downgrade":
      return [
        [
          ...["fiber", "migrate", "downgrade", facts.schemaHead ?? "base"],
          ...(facts.dropped === null ? [] : ["--allow-loss"]),
        ],
      ];
    case "recover":
    case "beside": {
      const shown =
        facts.source === null ? [] : restoreCommands(facts.source, restore?.restored ?? "");
      const recovers = facts.source?.kind === "point";
      return (id === "recover") === recovers ? shown : [];
    }
    case "swap":
      return restore === null
        ? []
        : swapCommands(restore.live.name, restore.restored, restore.quarantine);
    case "switch":
      return switchCommands(facts, target);
    case "lift":
      return [["fiber", "ingest", "lift"]];
    default:
      return [];
  }
}
