import { FiberError } from "#contracts";
import type { Artefact } from "../../drivers/deploy-driver.js";
import type { Step } from "../../engine/step.js";
import { readProject } from "../../project/project-file.js";
import { codeChanged } from "../../verify/code-changed.js";
import { runVerification } from "../../verify/run-verification.js";
import { beforeSchema, type VerifyContext } from "../../verify/verify-context.js";
import { withPool } from "./preflight-step.js";
import { doneAtMs, makeStep, type StepBase, targetArtefact } from "./step-base.js";

/** Where the probe's own code lies: only when it changed may its targets' figures block. */
const PROBE_FOLDER = "fiber-probe";

/** Watches every gate of the release's fiber.yaml until all blocking ones are good, or one is out of time. */
export function verifyStep(base: StepBase): Step {
  const { world, context } = base;
  return makeStep("verify", base, {
    async run() {
      const artefact = await targetArtefact(base);
      const { verify } = readProject(artefact.ref);
      const gates = isWayBackToBad(base)
        ? verify.map((gate) => ({ ...gate, blocking: false }))
        : verify;
      const outcome = await withPool(world.data, async (db) =>
        runVerification(gates, await verifyContext(base, artefact, db), (standings) =>
          context.standing("verify", { gates: standings }),
        ),
      );
      if (outcome.verdict === "passed") return { ...outcome };
      throw new FiberError("VERIFY_FAILED", `${failedWords(base)}: ${outcome.summary}`);
    },
  });
}

/**
 * A failed deploy goes back to what ran, also when that was bad already: its gates are shown and decide
 * nothing, or nothing could be deployed any more.
 */
export function isWayBackToBad({ facts, context }: StepBase): boolean {
  return context.takingBack && facts.target.wasBad;
}

function failedWords({ facts, context }: StepBase): string {
  const failed = `${facts.target.tag} was not verified`;
  if (context.takingBack) return failed;
  if (context.plan.kind === "deploy")
    return facts.from.artefact === null ? firstFailed(failed) : failed;
  const kept =
    facts.restore === null ? "" : ` The replaced database is kept as ${facts.restore.quarantine}.`;
  return `${failed}, and a rollback does not take itself back.${kept} Look at it (fiber status, fiber logs), then measure again with fiber rollback resume, or go back with fiber rollback undo`;
}

/** A first release that fails runs on: nothing else could. */
function firstFailed(failed: string): string {
  return `${failed}, and there is no release to go back to: it runs on and is recorded as bad. Mend the cause and deploy it again, or another tag (fiber deploy TAG), or run the working tree meanwhile (fiber down, then fiber up --tree)`;
}

async function verifyContext(
  base: StepBase,
  artefact: Artefact,
  db: VerifyContext["db"],
): Promise<VerifyContext> {
  const { facts, world, context } = base;
  const { tag, head } = facts.target;
  const record = await world.store.read(tag);
  const begun = context.journal.lines()[0]?.at;
  const startedMs = begun === undefined ? context.clock.now() : Date.parse(begun);
  const changesSchema = facts.up !== null || facts.down !== null || facts.restore !== null;
  const observed = beforeSchema.safeParse(context.journal.outcome("preflight")?.before);
  return {
    expected: {
      release: tag,
      migration: changesSchema ? head : (facts.data?.head ?? null),
    },
    runStartedMs: startedMs,
    sinceMs: doneAtMs(base, "switch") ?? startedMs,
    before: observed.success ? observed.data : null,
    baseline: record?.baseline ?? null,
    probeCodeChanged: isWayBackToBad(base)
      ? false
      : await codeChanged(
          world.git,
          { from: facts.from.commit, to: facts.target.commit },
          PROBE_FOLDER,
        ),
    env: { ...world.env, FIBER_RELEASE: tag },
    token: await world.token(),
    db,
    cwd: artefact.ref,
    clock: context.clock,
    signal: context.signal,
  };
}
