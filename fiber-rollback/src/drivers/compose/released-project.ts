import { existsSync } from "node:fs";
import { join } from "node:path";
import { FiberError } from "#contracts";
import type { ComposeSpec } from "../../project/compose-spec.js";
import { readProject } from "../../project/project-file.js";
import { releaseTree } from "../../releases/release-places.js";

/** A tree with what its fiber.yaml says about containers. */
export interface ReleasedProject {
  readonly tree: string;
  readonly spec: ComposeSpec;
  /** How long a service may take until it serves, ms; of the role of the same name. */
  readonly startMs: ReadonlyMap<string, number>;
}

/**
 * Reads what a tree says about containers.
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID
 */
export function readReleased(tree: string): ReleasedProject {
  const { compose, roles } = readProject(tree);
  if (compose === null) {
    throw new FiberError(
      "PROJECT_FILE_INVALID",
      `${join(tree, "fiber.yaml")} says nothing under compose, so it is not released on ` +
        "containers. See docs/fiber-yaml.md.",
    );
  }
  const startMs = new Map(roles.map((role) => [role.name, role.start_s * 1_000]));
  return { tree, spec: compose, startMs };
}

/** The project of a release that was built here; null when its tree is gone. */
export function releasedHere(stateDir: string, tag: string | null): ReleasedProject | null {
  if (tag === null) return null;
  const tree = releaseTree(stateDir, tag);
  return existsSync(tree) ? readReleased(tree) : null;
}
