import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import { createTestRepository, requireTool, type TestRepository } from "#testkit";
import { createGit } from "../git/run-git.js";
import { tagSignature } from "../git/tag-signature.js";
import { parseProject } from "../project/project-file.js";
import { blame } from "./blame.js";
import { finishHotfix } from "./finish.js";
import type { HotfixContext } from "./hotfix-context.js";
import { revert } from "./revert.js";
import { slugOf, startHotfix } from "./start.js";

const describeGit = describe.skipIf(!requireTool("ssh-keygen"));
let repository: TestRepository;
let context: HotfixContext;
let stateDir: string;

const gate = { id: "works", title: "It works", run: 'test "$(cat app)" != broken', timeout_s: 30 };
const project = parseProject(
  JSON.stringify({ format: 1, name: "sample", gates: [gate] }),
  "fiber.yaml",
);

beforeEach(() => {
  repository = createTestRepository();
  stateDir = mkdtempSync(join(tmpdir(), "fiber-hotfix-"));
  context = {
    git: createGit(repository.folder),
    project,
    stateDir,
    clock: systemClock,
    say: () => {},
  };
  repository.commit("Begin", { app: "one", other: "1", "fiber.yaml": "format: 1\nname: sample\n" });
  repository.git("tag", "-s", "-m", "first", "v1.0.0-mvp");
  repository.git("push", "--quiet", "origin", "release/mvp", "v1.0.0-mvp");
});
afterEach(() => {
  repository.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

const remoteHead = () => repository.remoteGit("rev-parse", "release/mvp");
const push = () => repository.git("push", "--quiet", "origin", "release/mvp");
/** Everything that must be as it was after a command that was refused. */
const standing = () => ({
  remote: repository.remoteGit("for-each-ref"),
  local: repository.git("for-each-ref", "refs/heads", "refs/tags"),
  status: repository.git("status", "--porcelain", "--branch"),
  worktrees: repository.git("worktree", "list").split("\n").length,
});

/** Commits 2, 3, 4, 5 of which the fourth breaks the app. */
function breakTheBranch(): string {
  repository.commit("Two", { other: "2" });
  repository.commit("Three", { other: "3" });
  const bad = repository.commit("Four", { app: "broken" });
  repository.commit("Five", { other: "5" });
  push();
  return bad;
}

describeGit("blame", () => {
  const range = { good: "v1.0.0-mvp", bad: "release/mvp" };

  it("finds the commit that broke the branch and names the gate", async () => {
    const bad = breakTheBranch();
    const before = standing();
    expect(await blame(context, range)).toMatchObject({
      kind: "found",
      commit: { sha: bad, subject: "Four", author: "Ops" },
      gate: { id: "works", verdict: "failed" },
    });
    expect(standing()).toEqual(before);
  });

  it("passes over commits that cannot be judged", async () => {
    repository.commit("Half", { app: "half" });
    const bad = repository.commit("Bad", { app: "broken" });
    repository.commit("After", { other: "9" });
    const judging = { ...gate, run: 'case "$(cat app)" in half) exit 125;; broken) exit 1;; esac' };
    const found = await blame({ ...context, project: { ...project, gates: [judging] } }, range);
    // The commit before cannot be judged, so git cannot tell the two apart.
    expect(found).toMatchObject({ kind: "candidates" });
    expect(found.kind === "candidates" && found.commits.map((c) => c.sha)).toContain(bad);
  });

  it("says that nothing is broken", async () => {
    repository.commit("Two", { other: "2" });
    expect(await blame(context, range)).toMatchObject({ kind: "healthy" });
  });

  it("lists candidates without gates", async () => {
    breakTheBranch();
    const found = await blame({ ...context, project: { ...project, gates: [] } }, range);
    expect(found).toMatchObject({ kind: "candidates" });
    expect(found.kind === "candidates" && found.commits.map((c) => c.subject)).toEqual([
      "Five",
      "Four",
      "Three",
      "Two",
    ]);
  });

  it("refuses to blame when the gates fail on the good end too", async () => {
    breakTheBranch();
    const failing = { ...project, gates: [{ ...gate, run: "false" }] };
    await expect(blame({ ...context, project: failing }, range)).rejects.toMatchObject({
      code: "GOOD_IS_BAD",
    });
  });

  it("refuses a shallow clone, saying what to run", async () => {
    breakTheBranch();
    const shallow = join(stateDir, "shallow");
    repository.git("clone", "--quiet", "--depth=1", `file://${repository.remote}`, shallow);
    await expect(
      blame({ ...context, git: createGit(shallow) }, { good: "HEAD", bad: "HEAD" }),
    ).rejects.toThrow(/git fetch --unshallow/);
  });

  it("refuses ends that do not follow each other", async () => {
    breakTheBranch();
    await expect(blame(context, { good: "release/mvp", bad: "v1.0.0-mvp" })).rejects.toMatchObject({
      code: "NOT_ON_BRANCH",
    });
  });
});

describeGit("revert", () => {
  const plain = (commit: string) => ({ commit, mainline: null, dryRun: false });

  it("reverts on the remote's branch and lets the clean checkout follow", async () => {
    const bad = breakTheBranch();
    const done = await revert(context, plain(bad));
    expect(remoteHead()).toBe(done.head);
    expect(repository.git("show", "release/mvp:app")).toBe("one");
    expect(repository.git("rev-parse", "HEAD")).toBe(done.head);
    expect(repository.git("status", "--porcelain")).toBe("");
  });

  it("works from a detached head and leaves it where it was", async () => {
    const bad = breakTheBranch();
    repository.git("checkout", "--quiet", "v1.0.0-mvp");
    const at = repository.git("rev-parse", "HEAD");
    const done = await revert(context, plain(bad));
    expect(repository.git("rev-parse", "HEAD")).toBe(at);
    expect(repository.git("rev-parse", "release/mvp")).toBe(done.head);
  });

  it("leaves a dirty checkout alone and says so", async () => {
    const bad = breakTheBranch();
    writeFileSync(join(repository.folder, "other"), "mine");
    const said: string[] = [];
    const done = await revert({ ...context, say: (text) => said.push(text) }, plain(bad));
    expect(remoteHead()).toBe(done.head);
    expect(repository.git("status", "--porcelain")).toContain("other");
    expect(said.join()).toMatch(/git pull/);
  });

  it("changes nothing in a dry run", async () => {
    const bad = breakTheBranch();
    const before = standing();
    await revert(context, { ...plain(bad), dryRun: true });
    expect(standing()).toEqual(before);
  });

  it("stops at a conflict, names the files, and leaves nothing behind", async () => {
    const bad = breakTheBranch();
    repository.commit("Six", { app: "broken differently" });
    push();
    const before = standing();
    await expect(revert(context, plain(bad))).rejects.toMatchObject({
      code: "REVERT_CONFLICT",
      message: expect.stringContaining("in app,"),
    });
    expect(standing()).toEqual(before);
  });

  it("asks for the parent of a merge, and reverts it with one", async () => {
    repository.git("checkout", "--quiet", "-b", "feature");
    repository.commit("Feature", { app: "broken" });
    repository.git("checkout", "--quiet", "release/mvp");
    repository.commit("Meanwhile", { other: "2" });
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "feature");
    push();
    const merge = repository.git("rev-parse", "HEAD");
    await expect(revert(context, plain(merge))).rejects.toMatchObject({
      code: "MERGE_NEEDS_PARENT",
    });
    await revert(context, { ...plain(merge), mainline: 1 });
    expect(repository.git("show", "release/mvp:app")).toBe("one");
    expect(repository.git("show", "release/mvp:other")).toBe("2");
  });

  it("says that there is nothing to revert: twice reverted, or on another branch", async () => {
    const bad = breakTheBranch();
    await revert(context, plain(bad));
    await expect(revert(context, plain(bad))).rejects.toMatchObject({ code: "NOTHING_TO_REVERT" });
    repository.git("checkout", "--quiet", "-b", "elsewhere");
    const other = repository.commit("Elsewhere", { app: "else" });
    await expect(revert(context, plain(other))).rejects.toMatchObject({
      code: "NOTHING_TO_REVERT",
    });
  });

  it("leaves everything as it was when the remote protects the branch", async () => {
    const bad = breakTheBranch();
    const hook = join(repository.remote, "hooks", "pre-receive");
    writeFileSync(hook, "#!/bin/sh\necho 'error: release/mvp is protected' >&2\nexit 1\n", {
      mode: 0o755,
    });
    const before = standing();
    await expect(revert(context, plain(bad))).rejects.toMatchObject({
      code: "PUSH_REJECTED",
      message: expect.stringMatching(/protects this branch.*Nothing was changed/s),
    });
    expect(standing()).toEqual(before);
  });

  it("refuses when the local branch has commits that the remote lacks", async () => {
    const bad = breakTheBranch();
    repository.commit("Unpushed", { other: "6" });
    await expect(revert(context, plain(bad))).rejects.toMatchObject({ code: "BRANCH_AHEAD" });
  });

  it("says that the remote is away", async () => {
    const bad = breakTheBranch();
    repository.git("remote", "set-url", "origin", join(stateDir, "nowhere.git"));
    await expect(revert(context, plain(bad))).rejects.toMatchObject({ code: "REMOTE_UNREACHABLE" });
  });
});

describeGit("start and finish", () => {
  const begin = () =>
    startHotfix(context, { description: "Fix the login, säge!", from: "v1.0.0-mvp" });
  const finish = (tag: string | null = null) =>
    finishHotfix(context, { slug: "fix-the-login-sage", from: "v1.0.0-mvp", tag, show: () => {} });
  /** Begins the hotfix and commits a change in its worktree. */
  async function beginWithFix(content = "fixed"): Promise<string> {
    const { folder } = await begin();
    writeFileSync(join(folder, "app"), content);
    repository.git("-C", folder, "commit", "--quiet", "-am", "Mend the app");
    return folder;
  }

  it("branches from the last good tag in a worktree of its own", async () => {
    breakTheBranch();
    const before = repository.git("rev-parse", "HEAD");
    const hotfix = await begin();
    expect(hotfix.branch).toBe("hotfix/fix-the-login-sage");
    expect(repository.git("-C", hotfix.folder, "describe", "--tags")).toBe("v1.0.0-mvp");
    expect(repository.git("rev-parse", "HEAD")).toBe(before);
    await expect(begin()).rejects.toMatchObject({ code: "HOTFIX_EXISTS" });
  });

  it("picks the fix onto the branch, signs the next tag, pushes both, and cleans up", async () => {
    repository.commit("Two", { other: "2" });
    push();
    const folder = await beginWithFix();
    const done = await finish();
    expect(done).toMatchObject({ tag: "v1.0.1-mvp", gates: { verdict: "passed" } });
    expect(remoteHead()).toBe(done.head);
    expect(repository.remoteGit("rev-parse", "v1.0.1-mvp^{commit}")).toBe(done.head);
    expect(repository.git("show", "release/mvp:app")).toBe("fixed");
    expect(repository.git("show", "release/mvp:other")).toBe("2");
    expect(await tagSignature(context.git, "v1.0.1-mvp")).toMatchObject({
      status: "good",
      signer: "ops@example.net",
    });
    expect(existsSync(folder)).toBe(false);
  });

  it("stops at a gate that does not pass, before anything is pushed", async () => {
    const folder = await beginWithFix("broken");
    const before = standing();
    await expect(finish()).rejects.toMatchObject({ code: "GATES_FAILED" });
    expect(standing()).toEqual(before);
    expect(existsSync(folder)).toBe(true);
  });

  it("stops at a conflict with the branch", async () => {
    repository.commit("Two", { app: "two" });
    push();
    await beginWithFix();
    const before = standing();
    await expect(finish()).rejects.toMatchObject({ code: "CHERRY_PICK_CONFLICT" });
    expect(standing()).toEqual(before);
  });

  it("stops without a signing key, before anything is pushed", async () => {
    await beginWithFix();
    repository.git("config", "user.signingkey", join(stateDir, "no-key"));
    const before = standing();
    await expect(finish()).rejects.toMatchObject({ code: "SIGNING_FAILED" });
    expect(standing()).toEqual(before);
  });

  it("removes its tag again when the push is rejected", async () => {
    await beginWithFix();
    const hook = join(repository.remote, "hooks", "pre-receive");
    writeFileSync(hook, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const before = standing();
    await expect(finish()).rejects.toMatchObject({ code: "PUSH_REJECTED" });
    expect(standing()).toEqual(before);
  });

  it("refuses a tag that exists on the remote only", async () => {
    await beginWithFix();
    repository.remoteGit("tag", "v1.0.7-mvp", "release/mvp");
    await expect(finish("v1.0.7-mvp")).rejects.toMatchObject({ code: "TAG_EXISTS" });
  });

  it("refuses uncommitted changes and an empty hotfix", async () => {
    const { folder } = await begin();
    await expect(finish()).rejects.toMatchObject({ code: "NOTHING_TO_FINISH" });
    writeFileSync(join(folder, "app"), "half");
    await expect(finish()).rejects.toMatchObject({ code: "TREE_DIRTY" });
  });

  it.each(["", "!!!", "日本"])("refuses the description %j", (description) => {
    expect(() => slugOf(description)).toThrow(/no letters or digits/);
  });
});
