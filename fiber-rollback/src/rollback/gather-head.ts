import type { DeployDriver } from "../drivers/deploy-driver.js";
import { engineVersion } from "../engine/engine-version.js";
import { estimateFrom } from "../engine/estimate.js";
import { readRun } from "../engine/read-run.js";
import type { RunKind } from "../engine/run-plan.js";
import type { RunRecord } from "../engine/run-record.js";
import { listRunIds, newRunId } from "../engine/run-store.js";
import { STEP_CATALOGUE } from "../engine/step-catalogue.js";
import { resolveCommit } from "../git/git-facts.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import type { PlanHead, ReleaseView, RunningView, StepTimings } from "./plan-facts.js";
import type { ReleaseWorld } from "./release-world.js";

/** Runs that tell how long steps take. */
const TIMED_RUNS = 10;

/** What every plan begins with. */
export async function gatherHead(
  world: ReleaseWorld,
  kind: RunKind,
  reason: string | null,
): Promise<PlanHead> {
  const { stateDir, clock, operator, host, project, git } = world;
  return {
    id: await newRunId(stateDir, kind, clock.now),
    engine: engineVersion(),
    createdAt: new Date(clock.now()).toISOString(),
    ...{ operator, host, reason, stateDir },
    project: project.name,
    repository: git.folder,
    containers: world.driver.kind === "compose" ? project.compose : null,
    timings: await readTimings(stateDir, kind),
  };
}

/** Runs one after the other, newest first; those that this version cannot read are left out. */
export async function* newestRuns(stateDir: string): AsyncGenerator<RunRecord> {
  for (const id of [...(await listRunIds(stateDir))].reverse()) {
    try {
      yield await readRun(stateDir, id);
    } catch (err) {
      if ((err as { name?: string }).name !== "FiberError") throw err;
    }
  }
}

async function readTimings(stateDir: string, kind: RunKind): Promise<StepTimings> {
  const runs: RunRecord[] = [];
  for await (const run of newestRuns(stateDir)) {
    if (runs.push(run) === TIMED_RUNS) break;
  }
  const stepMs: Record<string, number> = {};
  for (const { id } of STEP_CATALOGUE) {
    const { ms } = estimateFrom(runs, kind, [id]);
    if (ms > 0) stepMs[id] = ms;
  }
  const known = Object.keys(stepMs);
  return { stepMs, basis: known.length === 0 ? null : estimateFrom(runs, kind, known).basis };
}

/** A release with what is left of its artefact. */
export async function viewRelease(
  { driver, git }: Pick<ReleaseWorld, "driver" | "git">,
  record: ReleaseRecord,
): Promise<ReleaseView> {
  const found = await driver.find(record.tag);
  const same = found !== null && found.commit === record.commit;
  const known = record.artefact === null || record.artefact.digest === found?.digest;
  return {
    record: same && record.artefact === null ? { ...record, artefact: withoutTag(found) } : record,
    artefact: same && known ? "there" : record.artefact === null ? "unbuilt" : "gone",
    canBuild: (await resolveCommit(git, `refs/tags/${record.tag}`)) === record.commit,
  };
}

function withoutTag(found: {
  readonly kind: "folder" | "image";
  readonly ref: string;
  readonly digest: string;
  readonly sizeBytes: number;
}): NonNullable<ReleaseRecord["artefact"]> {
  const { kind, ref, digest, sizeBytes } = found;
  return { kind, ref, digest, sizeBytes };
}

/** The same world, in which an artefact is looked through once for each tag: that reads it whole. */
export function rememberFinds(world: ReleaseWorld): ReleaseWorld {
  const found = new Map<string, ReturnType<DeployDriver["find"]>>();
  const find = (tag: string) => {
    const known = found.get(tag) ?? world.driver.find(tag);
    found.set(tag, known);
    return known;
  };
  return { ...world, driver: { ...world.driver, find } };
}

/** What runs now. */
export async function viewRunning(
  world: Pick<ReleaseWorld, "driver" | "store">,
): Promise<RunningView> {
  const { release, reachable } = await world.driver.running();
  const record = release === null ? null : await world.store.read(release).catch(skipUntagged);
  const found = record === null ? null : await world.driver.find(record.tag);
  return {
    release,
    record,
    artefact: found !== null && found.digest === record?.artefact?.digest,
    isUp: reachable,
  };
}

/** A working tree is no release: "dev" cannot name a record. */
function skipUntagged(err: unknown): null {
  if ((err as { code?: unknown }).code === "USAGE") return null;
  throw err;
}
