/** One kind of step, shared by the plans, the screens and docs/RUNBOOK_ROLLBACK.md. */
export interface CatalogueStep {
  readonly id: string;
  /** What it does, in the imperative; a plan may say more. */
  readonly title: string;
  /** Where the runbook's scenarios have it; null for what the runbook leaves out. */
  readonly runbook: { readonly scenario: 1 | 2 | 3; readonly step: number } | null;
}

const at = (scenario: 1 | 2 | 3, step: number) => ({ scenario, step }) as const;

/**
 * Every step that a deploy or a rollback can have, in the order in which they can come. The ids are
 * the anchors of docs/RUNBOOK_ROLLBACK.md; a test fails when the two drift apart.
 */
export const STEP_CATALOGUE = [
  { id: "preflight", title: "Check that the run can be done", runbook: null },
  { id: "gates", title: "Run the release's gates, or find that they passed", runbook: null },
  { id: "artefact", title: "Build the release, or find it built", runbook: at(2, 2) },
  { id: "maintenance", title: "Open maintenance: alerts are muted", runbook: null },
  { id: "backup", title: "Back the database up", runbook: null },
  { id: "recover", title: "Recover to the point on a scratch server", runbook: at(2, 3) },
  { id: "beside", title: "Restore beside the live database and compare", runbook: at(2, 3) },
  { id: "carry", title: "Carry over what was accepted since", runbook: at(2, 3) },
  { id: "fence", title: "Fence ingest", runbook: null },
  { id: "restore-point", title: "Set a restore point", runbook: null },
  { id: "stop-writer", title: "Stop the API and the writer", runbook: at(2, 1) },
  { id: "migrate", title: "Migrate the schema up", runbook: at(3, 3) },
  { id: "downgrade", title: "Take migrations back", runbook: at(3, 2) },
  { id: "swap", title: "Swap the databases' names", runbook: at(2, 3) },
  { id: "switch", title: "Switch to the release", runbook: at(2, 2) },
  { id: "lift", title: "Lift the fence", runbook: null },
  { id: "verify", title: "Verify by the probes", runbook: at(2, 4) },
  { id: "record", title: "Record the outcome with the release", runbook: null },
  { id: "end-maintenance", title: "Close maintenance", runbook: null },
  { id: "report", title: "Open the incident and notify", runbook: at(2, 5) },
] as const satisfies readonly CatalogueStep[];

/** An id of {@link STEP_CATALOGUE}. */
export type StepId = (typeof STEP_CATALOGUE)[number]["id"];

/** The catalogue's entry of a step. */
export function catalogueStep(id: StepId): CatalogueStep {
  const found = STEP_CATALOGUE.find((step) => step.id === id);
  if (found === undefined) throw new RangeError(`The catalogue has no step ${id}.`);
  return found;
}
