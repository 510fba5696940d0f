import { FiberError } from "#contracts";
import { proveCompatibility } from "../../deploy/prove-compatibility.js";
import type { Artefact } from "../../drivers/deploy-driver.js";
import type { Step, StepDetail } from "../../engine/step.js";
import { gatesPassedFor } from "../../gates/gate-report.js";
import { runGatesFor } from "../../gates/run-gates-for.js";
import { projectAt } from "../../project/project-at.js";
import { candidateOf, releaseFacts } from "../../releases/release-facts.js";
import { makeStep, type StepBase } from "./step-base.js";

/** Runs the gates of the release's commit, unless they passed on it before or are skipped with a reason. */
export function gatesStep(base: StepBase): Step {
  const { facts, world, context } = base;
  const { commit, tag } = facts.target;
  const standing = async () => {
    const { gates } = await projectAt(world.git, commit);
    return await gatesPassedFor(world.stateDir, commit, gates);
  };
  return makeStep("gates", base, {
    async check() {
      const skipped = facts.gates?.skip ?? null;
      if (skipped !== null) return { state: "done", detail: { skipped } };
      const { passed, report } = await standing();
      return passed
        ? { state: "done", detail: { passedAt: report?.at ?? null } }
        : { state: "needed" };
    },
    async run() {
      const { git, stateDir, clock } = world;
      const shown: { id: string; verdict: string }[] = [];
      const tell = () => context.standing("gates", { gates: [...shown] });
      const report = await runGatesFor({
        ...{ git, stateDir, commit, clock, signal: context.signal },
        begin: (gate) => {
          shown.push({ id: gate.id, verdict: "runs" });
          tell();
        },
        show: ({ id, verdict }) => {
          shown.splice(-1, 1, { id, verdict });
          tell();
        },
      });
      return { gates: report.gates.map(({ id, verdict, ms }) => ({ id, verdict, ms })) };
    },
    async verify() {
      const { passed, missing, report } = await standing();
      if (passed) return;
      const failed = report?.gates.filter((gate) => gate.verdict !== "passed") ?? [];
      const tails = failed.map((gate) => `${gate.title}:\n${gate.tail}`).join("\n\n");
      throw new FiberError(
        "GATES_FAILED",
        `${tag} may not be released: ${missing.join(", ")}. Mend it and release another tag, or ` +
          `skip them for a reason that is journaled: --skip-gates REASON.\n${tails}`,
      );
    },
  });
}

/**
 * Finds what the release was built into, or builds it; and, where a deploy changes the schema,
 * proves whether the release that runs could work on it.
 */
export function artefactStep(base: StepBase): Step {
  const { facts, world, context } = base;
  const { tag, commit, digest } = facts.target;
  const find = async () => {
    const found = await world.driver.find(tag);
    return found !== null && found.commit === commit ? found : null;
  };
  return makeStep("artefact", base, {
    async check() {
      const found = digest === null ? null : await find();
      if (found === null || found.digest !== digest) return { state: "needed" };
      return facts.up === null || context.plan.kind !== "deploy"
        ? { state: "done", detail: describe(found, false) }
        : { state: "needed" };
    },
    async run() {
      const { git, store } = world;
      const built = (await find()) === null;
      const artefact = await world.driver.prepare(tag, commit, (update) =>
        context.standing("artefact", { ...update }),
      );
      const known = (await store.read(tag)) ?? candidateOf(await releaseFacts(git, tag));
      const { kind, ref, sizeBytes } = artefact;
      await store.write({
        ...known,
        artefact: { kind, ref, digest: artefact.digest, sizeBytes },
      });
      return { ...describe(artefact, built), ...(await prove(base, artefact)) };
    },
    async verify() {
      const found = await find();
      if (found !== null && (await world.store.read(tag))?.artefact?.digest === found.digest)
        return;
      throw new FiberError(
        "ARTEFACT_GONE",
        `What ${tag} was built into is not what its record says. Go on with: fiber rollback resume`,
      );
    },
  });
}

function describe(artefact: Artefact, built: boolean): StepDetail {
  const { ref, digest, sizeBytes } = artefact;
  return { ref, digest, sizeBytes, built };
}

/** Never stops a deploy: without the proof a later rollback merely takes the migrations back too. */
async function prove(base: StepBase, artefact: Artefact): Promise<StepDetail> {
  const { facts, world, context } = base;
  const { artefact: older, release } = facts.from;
  if (facts.up === null || facts.migrations === null || world.data === null) return {};
  if (older === null || release === null || context.plan.kind !== "deploy") return {};
  context.standing("artefact", { phase: `smoke test of ${release} on the new schema`, line: null });
  try {
    const proof = await proveCompatibility(world, {
      older,
      newer: { tree: artefact.ref, migrations: facts.migrations, head: facts.up.to },
      signal: context.signal,
    });
    return { compatibility: { release, ...proof } };
  } catch (err) {
    context.log.warn({ err }, "whether the old release works on the new schema cannot be told");
    return { compatibility: { release, verdict: "unknown", why: (err as Error).message } };
  }
}
