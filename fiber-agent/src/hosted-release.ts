import { existsSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { FiberError } from "#contracts";
import { currentTag, type Project, type RoleEntry, readProject, recordedFolder } from "#rollback";
import type { HostedRelease, RoleSpec } from "./role-spec.js";

/** What a release says of a role; its surroundings are added by whoever starts it. */
export type RoleTemplate = Pick<
  RoleSpec,
  "name" | "command" | "cwd" | "env" | "switch" | "writer" | "startMs"
>;

/** A working tree as a release: it has no digest, and nothing can be rolled back to it. */
export function treeRelease(tag: string): HostedRelease {
  return { tag, digest: null, tree: null };
}

/**
 * The release that was deployed last, by the link `current`; null when none was.
 *
 * @throws FiberError RELEASE_MISSING when what it was built into is gone
 */
export async function deployedRelease(stateDir: string): Promise<HostedRelease | null> {
  const tag = await currentTag(stateDir);
  return tag === null ? null : releaseOf(stateDir, tag);
}

/** A built release by its tag. @throws FiberError RELEASE_MISSING */
export async function releaseOf(stateDir: string, tag: string): Promise<HostedRelease> {
  const recorded = await recordedFolder(stateDir, tag);
  if (recorded !== null && existsSync(recorded.ref)) {
    return { tag, digest: recorded.digest, tree: recorded.ref };
  }
  throw new FiberError(
    "RELEASE_MISSING",
    `${tag} is not built here, or what it was built into is gone. Build it: fiber deploy ${tag}; ` +
      "or run the working tree meanwhile: fiber up --tree.",
  );
}

/**
 * What a built release says of itself.
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID
 */
export function projectOf(tree: string): Project {
  return readProject(tree);
}

/** The roles that a built release names, as they are run from its tree. */
export function templatesOf(tree: string, roles: readonly RoleEntry[]): readonly RoleTemplate[] {
  return roles.map((role) => ({
    name: role.name,
    // `exec`, so that signals and the channel reach the role itself.
    command: ["sh", "-c", `exec ${role.run}`],
    cwd: tree,
    env: {
      ...role.env,
      // The Node that runs the supervisor runs the roles.
      PATH: [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter),
    },
    switch: role.switch,
    writer: role.writer,
    startMs: role.start_s * 1_000,
  }));
}
