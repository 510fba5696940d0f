import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createReleaseStore } from "#rollback";
import { projectOf, type RoleTemplate, templatesOf } from "./hosted-release.js";
import type { HostedRelease, RoleSpec } from "./role-spec.js";
import {
  apiUrl,
  dashboardUrl,
  type PlannedProbe,
  type ProbePlan,
  type StackFacts,
  stackSpecs,
  treeTemplates,
} from "./role-specs.js";
import { loadTokens } from "./secrets.js";
import type { StackOptions, StackState } from "./stack-state.js";

/** The roles of a release: those its fiber.yaml names, or ours for a working tree. */
export function rolesOf(
  release: HostedRelease,
  command: readonly string[],
): readonly RoleTemplate[] {
  if (release.tree === null) return treeTemplates(command);
  return templatesOf(release.tree, projectOf(release.tree).roles);
}

/** What is started for a role of a release as things are now. */
export async function specsOfRole(
  template: RoleTemplate,
  release: HostedRelease,
  { state, options }: { readonly state: StackState; readonly options: StackOptions },
): Promise<readonly RoleSpec[]> {
  return stackSpecs(template, await gatherFacts(release, state, options));
}

/** Everything that is started for a release as things are now, in order. */
export async function specsOfRelease(
  release: HostedRelease,
  { state, options }: { readonly state: StackState; readonly options: StackOptions },
): Promise<readonly RoleSpec[]> {
  const facts = await gatherFacts(release, state, options);
  return rolesOf(release, options.command).flatMap((template) => stackSpecs(template, facts));
}

async function gatherFacts(
  release: HostedRelease,
  state: StackState,
  { config, paths }: StackOptions,
): Promise<StackFacts> {
  const record =
    release.tree === null ? null : await createReleaseStore(paths.stateDir).read(release.tag);
  return {
    config,
    stateDir: paths.stateDir,
    socket: paths.socket,
    databaseUrl: state.database?.url ?? "",
    ingest: state.ingest,
    release: release.tag,
    compatibleWith: record?.compatibleWith.map(({ head }) => head) ?? [],
    demoTarget: state.demoTarget,
    probes: state.probes,
  };
}

/**
 * Plans the probes from what the demo target said, makes their tokens where there are none, and
 * writes their configuration.
 *
 * @returns the node ids of those whose configuration changed
 */
export async function planProbes(
  state: StackState,
  options: StackOptions,
): Promise<readonly string[]> {
  const { config, paths } = options;
  if (state.demoTarget === null) return [];
  const plans = await options.planProbes({
    demoTarget: state.demoTarget,
    apiUrl: apiUrl(config),
    dashboardUrl: dashboardUrl(config),
  });
  const nodeIds = plans.map((plan) => plan.nodeId);
  const tokens = loadTokens(paths, nodeIds);
  state.tokens = tokens;
  const changed = plans.filter((plan) => writePlan(paths.probes, plan));
  state.probes = plans.flatMap((plan): readonly PlannedProbe[] => {
    const token = tokens.probes.get(plan.nodeId);
    return token === undefined
      ? []
      : [{ ...plan, configPath: planPath(paths.probes, plan), token }];
  });
  return changed.map((plan) => plan.nodeId);
}

/**
 * Plans the probes again and has those whose configuration changed read it; returns their names.
 */
export async function reloadProbes(
  state: StackState,
  options: StackOptions,
): Promise<{ readonly reloaded: readonly string[] }> {
  const changed = await planProbes(state, options);
  for (const role of state.host.roles()) {
    if (changed.includes(role.name)) role.reload();
  }
  return { reloaded: changed };
}

const planPath = (folder: string, plan: ProbePlan) => join(folder, `${plan.nodeId}.yaml`);

/** Writes a probe's configuration whole; false when it says what it said before. */
function writePlan(folder: string, plan: ProbePlan): boolean {
  const path = planPath(folder, plan);
  mkdirSync(folder, { recursive: true });
  if (readIfThere(path) === plan.config) return false;
  writeFileSync(`${path}.new`, plan.config);
  renameSync(`${path}.new`, path);
  return true;
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}
