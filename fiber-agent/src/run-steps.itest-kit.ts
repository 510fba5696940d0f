import { newRunId, type RunPlan, runPlan, STEP_CATALOGUE, type Step } from "#rollback";
import { type Logger, systemClock } from "#runtime";

/** A step of the catalogue that does what a test wants. */
export function testStep(id: string, work: () => Promise<void> = async () => {}): Step {
  return {
    id,
    title: STEP_CATALOGUE.find((one) => one.id === id)?.title ?? id,
    kind: "reversible",
    lasting: true,
    check: async () => ({ state: "needed" }),
    run: async () => {
      await work();
      return { note: `${id} ran` };
    },
    verify: async () => {},
  };
}

/** Runs a rollback of these steps by the real engine; resolves to its id. */
export async function runTestSteps(
  { stateDir, log }: { readonly stateDir: string; readonly log: Logger },
  steps: readonly Step[],
): Promise<string> {
  const plan: RunPlan = {
    format: 1,
    id: await newRunId(stateDir, "rollback"),
    kind: "rollback",
    engine: "test",
    createdAt: new Date().toISOString(),
    operator: "ama@ops-1",
    host: "ops-1",
    reason: "API answers 500",
    project: "sample",
    repository: stateDir,
    from: "v1.1.0",
    to: "v1.0.0",
    level: "code",
    why: "the schema is the same",
    steps: steps.map(({ id, title, kind }) => ({ id, title, kind, commands: [], loses: null })),
    loss: { statement: "Nothing is lost.", tables: [], sampleMinutes: null },
    outage: { readsMs: 0, ingestMs: 0, basis: "guess" },
    estimate: { ms: 0, basis: "guess" },
    pointOfNoReturn: null,
    warnings: [],
    facts: {},
  };
  await runPlan(plan, {
    stateDir,
    steps: () => steps,
    ports: { log, clock: systemClock, progress: () => {}, data: null },
  });
  return plan.id;
}
