import { join } from "node:path";
import type { DataSource } from "./plan-facts.js";

/** One command as a plan shows it: program and arguments. */
export type ShownCommand = string[];

/** What the commands of a plan are about. */
export interface CommandFacts {
  readonly stateDir: string;
  readonly repository: string;
  /** Shell commands of the target's build. */
  readonly build: readonly string[];
}

/** Asks the supervisor over its socket, as a person could. */
export function askSupervisor(stateDir: string, path: string): ShownCommand {
  const socket = join(stateDir, "agent.sock");
  return ["curl", "--unix-socket", socket, "--request", "POST", `http://agent${path}`];
}

/** Builds a tag into an artefact of its own. */
export function buildCommands(facts: CommandFacts, tag: string): ShownCommand[] {
  const folder = join(facts.stateDir, "releases", tag, "build");
  return [
    ["git", "-C", facts.repository, "worktree", "add", "--detach", folder, tag],
    ...facts.build.map((line) => ["sh", "-c", line]),
  ];
}

/** Makes a release the one that runs. */
export function switchCommands(facts: CommandFacts, tag: string): ShownCommand[] {
  const link = join(facts.stateDir, "current");
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
