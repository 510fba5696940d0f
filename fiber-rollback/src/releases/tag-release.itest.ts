import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestRepository, requireTool, type TestRepository } from "#testkit";
import { createGit, type Git } from "../git/run-git.js";
import { createReleaseStore, type ReleaseStore } from "./release-store.js";
import { migrationText } from "./releases.itest-kit.js";
import { tagRelease } from "./tag-release.js";
import { verifyRelease } from "./verify-release.js";

const FIRST = "migrations/0001_things.sql";
const FILES = {
  app: "one",
  "fiber.yaml": "format: 1\nname: sample\nmigrations: migrations\n",
  [FIRST]: migrationText("CREATE TABLE things (n int)", "DROP TABLE things"),
};
const describeGit = describe.skipIf(!requireTool("ssh-keygen"));
let repository: TestRepository;
let stateDir: string;
let git: Git;
let store: ReleaseStore;
beforeEach(() => {
  repository = createTestRepository();
  stateDir = mkdtempSync(join(tmpdir(), "fiber-releases-"));
  git = createGit(repository.folder);
  store = createReleaseStore(stateDir);
  repository.commit("Begin", FILES);
  repository.git("push", "--quiet", "origin", "release/mvp");
});
afterEach(() => {
  repository.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

const tag = (name: string, given: { push?: boolean; dryRun?: boolean } = {}) =>
  tagRelease(git, store, { tag: name, message: null, push: false, dryRun: false, ...given });
/** Everything that must be as it was after a tag that was refused. */
const standing = () => ({
  local: repository.git("for-each-ref"),
  remote: repository.remoteGit("for-each-ref"),
  records: readdirSync(stateDir),
});

describeGit("fiber release tag", () => {
  it("signs the checked-out commit and records what git knows of it", async () => {
    const head = repository.git("rev-parse", "HEAD");
    const done = await tag("v1.0.0-mvp");
    expect(done).toMatchObject({ commit: head, migrationHead: "0001", pushedTo: null });
    expect(await store.read("v1.0.0-mvp")).toEqual(done.record);
    expect(done.record).toMatchObject({
      status: "candidate",
      commit: head,
      signature: { status: "good", signer: "ops@example.net" },
      artefact: null,
      migrations: {
        head: "0001",
        files: [
          {
            revision: "0001",
            name: "0001_things.sql",
            kind: "reversible",
            upSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
            downSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
        ],
      },
    });
    expect(repository.remoteGit("tag")).toBe("");
    const check = { tag: "v1.0.0-mvp", findArtefact: async () => null };
    expect(await verifyRelease(git, store, check)).toMatchObject({ sound: true });
  });

  it("pushes on demand, and takes the tag back when the remote refuses", async () => {
    await tag("v1.0.0-mvp", { push: true });
    expect(repository.remoteGit("tag")).toBe("v1.0.0-mvp");
    const hook = join(repository.remote, "hooks", "pre-receive");
    writeFileSync(hook, "#!/bin/sh\necho 'error: tags are protected' >&2\nexit 1\n", {
      mode: 0o755,
    });
    const before = standing();
    await expect(tag("v1.0.1-mvp", { push: true })).rejects.toMatchObject({
      code: "PUSH_REJECTED",
      message: expect.stringContaining("tags are protected"),
    });
    expect(standing()).toEqual(before);
  });

  it("works on a detached head, and sets nothing in a dry run", async () => {
    repository.git("checkout", "--quiet", "--detach");
    const before = standing();
    expect(await tag("v1.0.0-mvp", { dryRun: true })).toMatchObject({ record: null });
    expect(standing()).toEqual(before);
    expect((await tag("v1.0.0-mvp")).record?.status).toBe("candidate");
  });

  it.each([
    [
      "uncommitted changes",
      "TREE_DIRTY",
      () => writeFileSync(join(repository.folder, "app"), "mine"),
    ],
    ["a tag that exists", "TAG_EXISTS", () => repository.git("tag", "v1.0.0-mvp")],
    [
      "a tag that exists on the remote only",
      "TAG_EXISTS",
      () => repository.remoteGit("tag", "v1.0.0-mvp", "release/mvp"),
    ],
    [
      "a remote that does not answer",
      "REMOTE_UNREACHABLE",
      () => repository.git("remote", "set-url", "origin", join(stateDir, "nowhere.git")),
    ],
    [
      "a signing key that cannot be read",
      "SIGNING_FAILED",
      () => repository.git("config", "user.signingkey", join(stateDir, "no-key")),
    ],
    ["a missing fiber.yaml", "PROJECT_FILE_MISSING", () => remove("fiber.yaml")],
    [
      "a fiber.yaml with an unknown key",
      "PROJECT_FILE_INVALID",
      () => repository.commit("Break", { "fiber.yaml": "format: 1\nname: x\nbuilds: []\n" }),
    ],
    ["a missing folder of migrations", "MIGRATION_MISSING", () => remove("migrations")],
    [
      "a migration without a way back",
      "MIGRATION_INVALID",
      () => repository.commit("Break", { "migrations/0002_x.sql": "-- up\nSELECT 1;\n" }),
    ],
  ])("refuses %s and changes nothing", async (_, code, arrange) => {
    arrange();
    const before = standing();
    await expect(tag("v1.0.0-mvp")).rejects.toMatchObject({ code });
    expect(standing()).toEqual(before);
  });

  it.each(["-x", "a/b", "../up", "dev", "v1.dump", "v 1"])("refuses the name %j", async (name) => {
    await expect(tag(name)).rejects.toMatchObject({ code: "USAGE" });
  });

  it("refuses a migration that was edited after a good release had shipped it", async () => {
    await tag("v1.0.0-mvp");
    const now = Date.now();
    repository.commit("Edit", { [FIRST]: FILES[FIRST].replace("DROP", "-- safer\nDROP") });
    await store.mark("v1.0.0-mvp", { status: "bad", why: null, now });
    expect((await tag("v1.0.1-mvp", { dryRun: true })).migrationHead).toBe("0001");
    await store.mark("v1.0.0-mvp", { status: "good", why: null, now });
    await expect(tag("v1.0.1-mvp")).rejects.toMatchObject({
      code: "MIGRATION_EDITED",
      message: expect.stringMatching(/0001_things\.sql has another way down.*v1\.0\.0-mvp/),
    });
  });
});

describeGit("fiber release verify", () => {
  const verify = async () => {
    const found = { tag: "v1.0.0-mvp", findArtefact: async () => ({ digest: "as built" }) };
    const verdict = await verifyRelease(git, store, found);
    const wrong = verdict.checks.filter((check) => check.verdict === "wrong");
    expect(verdict.sound).toBe(wrong.length === 0);
    return wrong.map((check) => check.id);
  };
  beforeEach(async () => {
    await tag("v1.0.0-mvp", { push: true });
  });

  it("finds a tag that was moved, here and on the remote", async () => {
    expect(await verify()).toEqual([]);
    repository.commit("Two", { app: "two" });
    repository.git("tag", "-s", "-f", "-m", "moved", "v1.0.0-mvp");
    expect(await verify()).toEqual(["commit", "remote"]);
    repository.git("push", "--quiet", "--force", "origin", "v1.0.0-mvp");
    expect(await verify()).toEqual(["commit"]);
  });

  it("finds an artefact that is not what was built", async () => {
    const record = await store.read("v1.0.0-mvp");
    if (record === null) throw new Error("no record");
    const artefact = { kind: "folder", ref: "/x", digest: "as built", sizeBytes: 1 } as const;
    await store.write({ ...record, artefact });
    expect(await verify()).toEqual([]);
    await store.write({ ...record, artefact: { ...artefact, digest: "as recorded" } });
    expect(await verify()).toEqual(["artefact"]);
  });

  it("says of a tag that is gone what is left of it, and refuses one that never was", async () => {
    repository.git("tag", "--delete", "v1.0.0-mvp");
    expect(await verify()).toEqual(["signature"]);
    const never = { tag: "v9.9.9", findArtefact: async () => null };
    await expect(verifyRelease(git, store, never)).rejects.toMatchObject({
      code: "RELEASE_NOT_FOUND",
    });
  });

  it("does not take a remote that is away for a fault", async () => {
    repository.git("remote", "set-url", "origin", join(stateDir, "nowhere.git"));
    expect(await verify()).toEqual([]);
  });
});

function remove(path: string): void {
  repository.git("rm", "-r", "--quiet", path);
  repository.git("commit", "--quiet", "--message=Remove");
}
