import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateFolder, removeUnfinished, unfinishedName } from "../../durable-files.js";
import { gitWorktreeAdd, gitWorktreePrune } from "../../git/git-commands.js";
import type { Git } from "../../git/run-git.js";
import { readProject } from "../../project/project-file.js";
import { releaseFolder, releaseTree } from "../../releases/release-places.js";
import { diskFull } from "../../run-tool.js";
import type { Artefact, BuildProgress } from "../deploy-driver.js";
import { recordFolder } from "./artefact-record.js";
import { destroyTree, freezeTree, removeTree } from "./frozen-tree.js";
import { runBuild } from "./run-build.js";
import { digestTree } from "./tree-digest.js";
import { rememberTree } from "./tree-stamp.js";

/** What is built, and with what. */
export interface BuildRequest {
  readonly git: Git;
  readonly stateDir: string;
  readonly tag: string;
  readonly commit: string;
  readonly progress: BuildProgress;
  readonly signal?: AbortSignal | undefined;
}

/** A tree that was made and has its final name; nothing counts it yet. */
export interface MadeTree {
  readonly tree: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/**
 * Builds a commit in a worktree beside its final place, and gives it its name when it is whole.
 * The output of its commands is kept in `build.log`. What a killed build left is removed first.
 *
 * @throws FiberError BUILD_FAILED, DISK_FULL, GIT_FAILED, PROJECT_FILE_INVALID; nothing is left
 */
export async function buildTree(request: BuildRequest): Promise<Artefact> {
  const { stateDir, tag, commit } = request;
  const { tree, digest, sizeBytes } = await makeTree(request, (work) => readProject(work).build);
  const built: Artefact = { kind: "folder", ref: tree, tag, commit, digest, sizeBytes };
  await recordFolder(stateDir, built);
  await rememberTree(stateDir, built);
  return built;
}

/**
 * Checks a commit out, runs the shell commands that `commandsFor` names for the checked-out folder,
 * and freezes what is then there.
 *
 * @throws FiberError as {@link buildTree}; nothing is left
 */
export async function makeTree(
  request: BuildRequest,
  commandsFor: (work: string) => readonly string[],
): Promise<MadeTree> {
  const { git, stateDir, tag, commit, progress, signal } = request;
  const folder = releaseFolder(stateDir, tag);
  await makePrivateFolder(folder);
  await removeUnfinished(folder, destroyTree);
  await git.must(gitWorktreePrune());
  const tree = releaseTree(stateDir, tag);
  const work = unfinishedName(tree);
  try {
    progress({ phase: "check out", line: null });
    await git.must(gitWorktreeAdd(work, { at: commit }));
    const commands = commandsFor(work);
    const log = join(folder, "build.log");
    await runBuild(commands, { folder: work, tag, log, progress, signal });
    await rm(join(work, ".git"), { recursive: true, force: true });
    progress({ phase: "digest", line: null });
    const { digest, sizeBytes } = await digestTree(work);
    await removeTree(tree);
    await rename(work, tree);
    await freezeTree(tree);
    return { tree, digest, sizeBytes };
  } catch (err) {
    await destroyTree(work);
    throw diskFull(err, `The build of ${tag}`);
  } finally {
    await git.try(gitWorktreePrune());
  }
}
