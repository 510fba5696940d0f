import { join } from "node:path";
import { buildCommand } from "../drivers/compose/build-image.js";
import type { ComposeSpec } from "../project/compose-spec.js";
import { releaseTree } from "../releases/release-places.js";
import type { DataSource } from "./plan-facts.js";

/** One command as a plan shows it: program and arguments. */
export type ShownCommand = string[];

/** What the commands of a plan are about. */
export interface CommandFacts {
  readonly stateDir: string;
  readonly repository: string;
  /** Shell commands of the target's build. */
  readonly build: readonly string[];
  /** How the product runs on containers, where it does. */
  readonly containers?: ComposeSpec | null;
}

/** Stops what writes to the database. */
export function stopWriterCommands(facts: CommandFacts, tag: string): ShownCommand[] {
  const { containers, stateDir } = facts;
  return containers
    ? [[...composeCommand(stateDir, containers, tag), "stop", ...containers.writers]]
    : [askSupervisor(stateDir, "/stop-writer")];
}

function composeCommand(stateDir: string, spec: ComposeSpec, tag: string): ShownCommand {
  const file = join(releaseTree(stateDir, tag), spec.file);
  return ["docker-compose", "--project-name", spec.project, "--file", file];
}

/** Asks the supervisor over its socket, as a person could. */
function askSupervisor(stateDir: string, path: string): ShownCommand {
  const socket = join(stateDir, "agent.sock");
  return ["curl", "--unix-socket", socket, "--request", "POST", `http://agent${path}`];
}

/** Builds a tag into an artefact of its own. */
export function buildCommands(facts: CommandFacts, tag: string): ShownCommand[] {
  const folder = join(facts.stateDir, "releases", tag, "build");
  const { containers } = facts;
  const checkOut = ["git", "-C", facts.repository, "worktree", "add", "--detach", folder, tag];
  if (containers) {
    const { dockerfile, image } = containers;
    const about = { dockerfile, name: `${image}:${tag}`, tag, commit: "$(git rev-parse HEAD)" };
    return [checkOut, ["sh", "-c", buildCommand(about)]];
  }
  return [checkOut, ...facts.build.map((line) => ["sh", "-c", line])];
}

/** Makes a release the one that runs. */
export function switchCommands(facts: CommandFacts, tag: string): ShownCommand[] {
  const link = join(facts.stateDir, "current");
  const { containers, stateDir } = facts;
  if (containers) {
    const { services, image } = containers;
    const compose = composeCommand(stateDir, containers, tag);
    const told = ["env", `FIBER_IMAGE=${image}:${tag}`, `FIBER_RELEASE=${tag}`];
    return [
      [...compose, "rm", "--stop", "--force", ...services],
      [...told, ...compose, "up", "--detach", "--no-build", "--no-deps", ...services],
    ];
  }
  return [
    ["ln", "--symbolic", "--force", "--no-dereference", `releases/${tag}/tree`, link],
    askSupervisor(facts.stateDir, "/switch"),
  ];
}

/** Brings data back beside the live database. */
export function restoreCommands(source: DataSource, restored: string): ShownCommand[] {
  switch (source.kind) {
    case "point":
      return [["fiber", "restore", "--to-point", source.name]];
    case "dump":
      return [
        ["createdb", "--template=template0", restored],
        ["pg_restore", "--jobs=2", "--exit-on-error", `--dbname=${restored}`, source.path],
      ];
    case "quarantine":
      return [];
  }
}

/** Gives two databases each other's place, in one transaction. */
export function swapCommands(live: string, restored: string, quarantine: string): ShownCommand[] {
  const sql =
    `BEGIN; ALTER DATABASE "${live}" RENAME TO "${quarantine}"; ` +
    `ALTER DATABASE "${restored}" RENAME TO "${live}"; COMMIT`;
  return [["psql", "--dbname=postgres", `--command=${sql}`]];
}
