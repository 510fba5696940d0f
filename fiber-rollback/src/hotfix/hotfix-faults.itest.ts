import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import {
  createTestGpgKey,
  createTestRepository,
  requireTool,
  type TestGpgKey,
  type TestRepository,
} from "#testkit";
import { gatesPassedFor } from "../gates/gate-report.js";
import { createGit } from "../git/run-git.js";
import { tagSignature } from "../git/tag-signature.js";
import { candidateOf, releaseFacts } from "../releases/release-facts.js";
import { createReleaseStore } from "../releases/release-store.js";
import { blame } from "./blame.js";
import { finishHotfix } from "./finish.js";
import type { HotfixContext } from "./hotfix-context.js";
import { lastGoodTag } from "./last-good-tag.js";
import { revert } from "./revert.js";
import { startHotfix } from "./start.js";

const gate = { id: "works", title: "It works", run: 'test "$(cat app)" != broken', timeout_s: 30 };
const describeGit = describe.skipIf(!requireTool("ssh-keygen"));
let repository: TestRepository;
let stateDir: string;
let context: HotfixContext;
beforeEach(() => {
  repository = createTestRepository();
  stateDir = mkdtempSync(join(tmpdir(), "fiber-hotfix-"));
  context = {
    git: createGit(repository.folder),
    project: { branch: "release/mvp", remote: "origin", gates: [gate] },
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

const push = () => repository.git("push", "--quiet", "origin", "release/mvp");
/** Everything that must be as it was after a command that was refused. */
const standing = () => ({
  remote: repository.remoteGit("for-each-ref"),
  local: repository.git("for-each-ref", "refs/heads", "refs/tags"),
  head: repository.git("rev-parse", "--symbolic-full-name", "HEAD"),
  status: repository.git("status", "--porcelain", "--branch"),
  worktrees: repository.git("worktree", "list").split("\n").length,
});
async function refused(work: Promise<unknown>, code: string, words: RegExp): Promise<void> {
  const before = standing();
  await expect(work).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  expect(standing()).toEqual(before);
}

const begin = (from = "v1.0.0-mvp") => startHotfix(context, { description: "mend", from });
const finish = (given: { tag?: string; context?: HotfixContext } = {}) =>
  finishHotfix(given.context ?? context, {
    slug: "mend",
    from: null,
    tag: given.tag ?? null,
    show: () => {},
  });
async function beginWithFix(from?: string): Promise<string> {
  const { folder } = await begin(from);
  writeFileSync(join(folder, "app"), "mended");
  repository.git("-C", folder, "commit", "--quiet", "-am", "Mend the app");
  return folder;
}
/** Another operator's clone, with a commit of their own on the branch. */
function somebodyElse(): string {
  const folder = join(stateDir, "other-clone");
  repository.git("clone", "--quiet", repository.remote, folder);
  writeFileSync(join(folder, "theirs"), "x");
  repository.git("-C", folder, "add", "theirs");
  const who = ["-c", "user.name=Ama", "-c", "user.email=ama@example.net"];
  repository.git("-C", folder, ...who, "commit", "--quiet", "-m", "Theirs");
  return folder;
}

describeGit("the last good tag", () => {
  const last = () => lastGoodTag(context.git, createReleaseStore(stateDir), "release/mvp");

  it("is the newest version tag until a release was found good, then that release", async () => {
    const store = createReleaseStore(stateDir);
    repository.commit("Two", { app: "two" });
    repository.git("tag", "-s", "-m", "second", "v1.1.0-mvp");
    expect(await last()).toEqual({ tag: "v1.1.0-mvp", basis: "tag" });
    for (const tag of ["v1.0.0-mvp", "v1.1.0-mvp"]) {
      await store.write(candidateOf(await releaseFacts(context.git, tag)));
    }
    await store.mark("v1.0.0-mvp", { status: "good", why: null, now: Date.now() });
    await store.mark("v1.1.0-mvp", { status: "bad", why: "500", now: Date.now() });
    expect(await last()).toEqual({ tag: "v1.0.0-mvp", basis: "release" });
  });

  it("passes over a good release that another branch holds, or whose tag was moved", async () => {
    const store = createReleaseStore(stateDir);
    repository.git("checkout", "--quiet", "-b", "elsewhere");
    repository.commit("Two", { app: "two" });
    repository.git("tag", "-s", "-m", "second", "v1.1.0-mvp");
    await store.write(candidateOf(await releaseFacts(context.git, "v1.1.0-mvp")));
    await store.mark("v1.1.0-mvp", { status: "good", why: null, now: Date.now() });
    expect(await last()).toEqual({ tag: "v1.0.0-mvp", basis: "tag" });
  });
});

describeGit("blame, in harder cases", () => {
  it("finds the merged commit behind a merge", async () => {
    repository.git("checkout", "--quiet", "-b", "feature");
    repository.commit("Harmless", { other: "3" });
    const bad = repository.commit("Guilty", { app: "broken" });
    repository.git("checkout", "--quiet", "release/mvp");
    repository.commit("Meanwhile", { third: "2" });
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "feature");
    const found = await blame(context, { good: "v1.0.0-mvp", bad: "release/mvp" });
    expect(found).toMatchObject({ kind: "found", commit: { sha: bad, subject: "Guilty" } });
  });

  it("works from a detached head and a dirty tree, and touches neither", async () => {
    const bad = repository.commit("Guilty", { app: "broken" });
    repository.git("checkout", "--quiet", "--detach", "v1.0.0-mvp");
    writeFileSync(join(repository.folder, "app"), "my own words");
    const before = standing();
    const found = await blame(context, { good: "v1.0.0-mvp", bad: "release/mvp" });
    expect(found).toMatchObject({ kind: "found", commit: { sha: bad } });
    expect(standing()).toEqual(before);
  });

  it("ends cleanly when it is interrupted", async () => {
    repository.commit("Two", { other: "2" });
    const controller = new AbortController();
    const slow = { ...gate, run: "sleep 300" };
    const interrupted = {
      ...context,
      project: { ...context.project, gates: [slow] },
      signal: controller.signal,
    };
    const before = standing();
    setTimeout(() => controller.abort(new Error("stop")), 1_500);
    const range = { good: "v1.0.0-mvp", bad: "release/mvp" };
    await expect(blame(interrupted, range)).rejects.toThrow("stop");
    expect(standing()).toEqual(before);
  });
});

describeGit("revert, in harder cases", () => {
  const plain = (commit: string) => ({ commit, mainline: null, dryRun: false });

  it("refuses a shallow clone, saying what to run", async () => {
    repository.commit("Two", { app: "two" });
    push();
    const shallow = join(stateDir, "shallow");
    repository.git("clone", "--quiet", "--depth=1", `file://${repository.remote}`, shallow);
    const work = revert({ ...context, git: createGit(shallow) }, plain("HEAD"));
    await refused(work, "HISTORY_SHALLOW", /git fetch --unshallow/);
  });

  it("refuses a commit that nobody knows, and a parent that a commit does not have", async () => {
    const two = repository.commit("Two", { app: "two" });
    push();
    await refused(revert(context, plain("beef".repeat(10))), "REVISION_NOT_FOUND", /git fetch/);
    const wrong = revert(context, { ...plain(two), mainline: 2 });
    await refused(wrong, "USAGE", /--mainline 2 does not fit/);
  });

  it("works on what others pushed meanwhile, which this clone did not have", async () => {
    const bad = repository.commit("Two", { app: "broken" });
    push();
    const theirs = somebodyElse();
    repository.git("-C", theirs, "push", "--quiet", "origin", "HEAD:release/mvp");
    await revert(context, plain(bad));
    expect(repository.remoteGit("show", "release/mvp:app")).toBe("one");
    expect(repository.remoteGit("show", "release/mvp:theirs")).toBe("x");
    expect(repository.git("status", "--porcelain")).toBe("");
  });

  it("refuses a release branch that the remote does not have", async () => {
    const two = repository.commit("Two", { app: "two" });
    const project = { ...context.project, branch: "release/next" };
    const work = revert({ ...context, project }, plain(two));
    await refused(work, "BRANCH_NOT_FOUND", /Push it first/);
  });
});

describeGit("start and finish, in harder cases", () => {
  it("picks only what came after the commit that it began at", async () => {
    const later = repository.commit("Later", { other: "2" });
    push();
    await beginWithFix(later);
    expect((await finish()).commits).toHaveLength(1);
    expect(repository.remoteGit("show", "v1.0.1-mvp:other")).toBe("2");
  });

  it("judges the branch with the fix, and leaves the report for deploy", async () => {
    await beginWithFix();
    const done = await finish();
    const passed = await gatesPassedFor(stateDir, done.head, [gate]);
    expect(passed).toMatchObject({ passed: true });
    expect(done.gates.commit).toBe(done.head);
  });

  it("stops when the branch is broken though the fix is good", async () => {
    repository.commit("Two", { other: "broken" });
    push();
    const project = { ...context.project, gates: [{ ...gate, run: "! grep -q broken other" }] };
    await beginWithFix();
    const work = finish({ context: { ...context, project } });
    await refused(work, "GATES_FAILED", /revert what broke the branch first.*Nothing was pushed/s);
  });

  it("numbers on from a bad release that the branch holds", async () => {
    repository.commit("Two", { other: "2" });
    repository.git("tag", "-s", "-m", "bad one", "v1.1.0-mvp");
    push();
    await beginWithFix();
    expect((await finish()).tag).toBe("v1.1.1-mvp");
  });

  it("works from a detached head and beside uncommitted changes", async () => {
    repository.git("checkout", "--quiet", "--detach");
    writeFileSync(join(repository.folder, "other"), "mine");
    await beginWithFix();
    const done = await finish();
    expect(repository.remoteGit("rev-parse", "release/mvp")).toBe(done.head);
    expect(repository.git("rev-parse", "release/mvp")).toBe(done.head);
    expect(repository.git("status", "--porcelain")).toContain("other");
  });

  it("stops when somebody pushes while the gates run, and takes its tag back", async () => {
    const theirs = somebodyElse();
    await beginWithFix();
    const meanwhile = `git -C ${theirs} push --quiet origin HEAD:release/mvp`;
    const project = { ...context.project, gates: [{ ...gate, run: meanwhile }] };
    const before = standing();
    await expect(finish({ context: { ...context, project } })).rejects.toMatchObject({
      code: "PUSH_REJECTED",
      message: expect.stringMatching(/somebody pushed in between\. Run this again/),
    });
    expect(standing()).toMatchObject({ local: before.local, worktrees: before.worktrees });
    expect((await finish()).tag).toBe("v1.0.1-mvp");
    expect(repository.remoteGit("show", "release/mvp:theirs")).toBe("x");
  });

  it("stops when the remote protects the branch, with its words", async () => {
    await beginWithFix();
    const hook = join(repository.remote, "hooks", "update");
    const deny =
      '#!/bin/sh\ncase "$1" in refs/heads/*) echo "error: release/mvp is protected"; exit 1;; esac\n';
    writeFileSync(hook, deny, { mode: 0o755 });
    await refused(finish(), "PUSH_REJECTED", /protects this branch.*pull request/);
  });

  it("stops when the remote is away", async () => {
    await beginWithFix();
    repository.git("remote", "set-url", "origin", join(stateDir, "nowhere.git"));
    await refused(finish(), "REMOTE_UNREACHABLE", /does not answer.*git remote get-url origin/s);
  });

  it("stops without any signing key", async () => {
    await beginWithFix();
    repository.git("config", "--unset", "user.signingkey");
    repository.git("config", "gpg.ssh.defaultKeyCommand", "false");
    await refused(finish(), "SIGNING_FAILED", /user\.signingkey.*nothing was pushed/s);
  });

  it("names a tag that an interrupted finish left here, and how to remove it", async () => {
    await beginWithFix();
    repository.git("tag", "-s", "-m", "left", "v1.0.1-mvp");
    expect((await finish()).tag).toBe("v1.0.2-mvp");
    await beginAgain();
    await refused(
      finish({ tag: "v1.0.1-mvp" }),
      "TAG_EXISTS",
      /exists here already.*git tag --delete v1\.0\.1-mvp/s,
    );
  });

  it("refuses to start from a shallow clone, or over a branch whose folder is gone", async () => {
    const shallow = join(stateDir, "shallow");
    repository.commit("Two", { app: "two" });
    push();
    repository.git("clone", "--quiet", "--depth=1", `file://${repository.remote}`, shallow);
    const what = { description: "mend", from: "HEAD" };
    await refused(
      startHotfix({ ...context, git: createGit(shallow) }, what),
      "HISTORY_SHALLOW",
      /--unshallow/,
    );
    const { folder } = await begin();
    rmSync(folder, { recursive: true });
    await refused(begin(), "HOTFIX_EXISTS", /git worktree prune && git worktree add/);
    repository.git("worktree", "prune");
    repository.git("worktree", "add", "--quiet", folder, "hotfix/mend");
    expect(existsSync(join(folder, "app"))).toBe(true);
  });

  it("ends cleanly when it is interrupted in a gate", async () => {
    await beginWithFix();
    const controller = new AbortController();
    const project = { ...context.project, gates: [{ ...gate, run: "sleep 300" }] };
    const before = standing();
    setTimeout(() => controller.abort(new Error("stop")), 2_000);
    const work = finish({ context: { ...context, project, signal: controller.signal } });
    await expect(work).rejects.toThrow("stop");
    expect(standing()).toEqual(before);
    expect((await finish()).tag).toBe("v1.0.1-mvp");
  });

  /** The branch of a finished hotfix stays; another fix on it. */
  async function beginAgain(): Promise<void> {
    const folder = join(stateDir, "hotfix", "mend");
    repository.git("worktree", "add", "--quiet", folder, "hotfix/mend");
    writeFileSync(join(folder, "third"), "more");
    repository.git("-C", folder, "add", "third");
    repository.git("-C", folder, "commit", "--quiet", "-m", "More");
  }
});

describe.skipIf(!requireTool("gpg"))("finish with a GnuPG key", () => {
  let key: TestGpgKey;
  beforeAll(() => {
    key = createTestGpgKey();
  });
  afterAll(() => key.remove());
  beforeEach(() => {
    repository.git("config", "gpg.format", "openpgp");
    repository.git("config", "gpg.program", key.program);
    repository.git("config", "user.signingkey", key.user);
  });

  it("signs the tag", async () => {
    await beginWithFix();
    const { tag } = await finish();
    expect(await tagSignature(context.git, tag)).toMatchObject({
      status: "good",
      signer: key.user,
    });
  });

  it.each([
    [
      "a key that nobody has",
      () => repository.git("config", "user.signingkey", "nobody@example.net"),
    ],
    ["no GnuPG", () => repository.git("config", "gpg.program", "/nowhere/gpg")],
  ])("stops with %s", async (_, arrange) => {
    arrange();
    await beginWithFix();
    await refused(finish(), "SIGNING_FAILED", /could not sign v1\.0\.1-mvp/);
  });
});
