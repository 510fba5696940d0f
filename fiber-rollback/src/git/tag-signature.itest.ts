import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createTestGpgKey,
  createTestRepository,
  requireTool,
  type TestGpgKey,
  type TestRepository,
} from "#testkit";
import { createGit, type Git } from "./run-git.js";
import { tagSignature } from "./tag-signature.js";

let repository: TestRepository;
let git: Git;
beforeEach(() => {
  repository = createTestRepository();
  git = createGit(repository.folder);
  repository.commit("Begin", { app: "one" });
});
afterEach(() => repository.remove());

/** Changes one word in a signed tag's object, as somebody would who wants to hide it. */
function tamper(tag: string, as: string): void {
  const object = join(repository.folder, ".git", "tampered");
  writeFileSync(object, `${repository.git("cat-file", "tag", tag).replace("first", "fiRst")}\n`);
  const id = repository.git("hash-object", "-t", "tag", "-w", object);
  repository.git("update-ref", `refs/tags/${as}`, id);
}

describe.skipIf(!requireTool("ssh-keygen"))("a tag signed with an SSH key", () => {
  beforeEach(() => {
    repository.git("tag", "-s", "-m", "first", "v1.0.0");
  });

  it("is good and names its signer", async () => {
    expect(await tagSignature(git, "v1.0.0")).toEqual({
      status: "good",
      signer: "ops@example.net",
      why: null,
    });
  });

  it("is bad when its content was changed", async () => {
    tamper("v1.0.0", "v1.0.1");
    expect(await tagSignature(git, "v1.0.1")).toMatchObject({ status: "bad", signer: null });
  });

  it("is bad under another name, although the signature holds", async () => {
    repository.git("update-ref", "refs/tags/v2.0.0", repository.git("rev-parse", "v1.0.0"));
    const renamed = await tagSignature(git, "v2.0.0");
    expect(renamed).toMatchObject({ status: "bad", why: expect.stringContaining("v1.0.0") });
  });

  it.each(["an empty file of signers", "no file of signers", "no setting"])(
    "is of an unknown key with %s",
    async (how) => {
      const signers = join(repository.folder, ".git", "signers");
      if (how.startsWith("an empty")) writeFileSync(signers, "");
      repository.git("config", "gpg.ssh.allowedSignersFile", signers);
      if (how === "no setting") repository.git("config", "--unset", "gpg.ssh.allowedSignersFile");
      expect(await tagSignature(git, "v1.0.0")).toMatchObject({
        status: "unknown-key",
        signer: null,
        why: expect.stringContaining("allowedSignersFile"),
      });
    },
  );

  it("cannot be checked without the program, which is no verdict on the tag", async () => {
    repository.git("config", "gpg.ssh.program", "/nowhere/ssh-keygen");
    await expect(tagSignature(git, "v1.0.0")).rejects.toMatchObject({
      code: "SIGNATURE_UNCHECKABLE",
      message: expect.stringContaining("/nowhere/ssh-keygen"),
    });
  });
});

describe("a tag without a signature", () => {
  it("is unsigned, annotated or lightweight, and says which", async () => {
    repository.git("tag", "-a", "-m", "plain", "annotated");
    repository.git("tag", "light");
    expect(await tagSignature(git, "annotated")).toMatchObject({ status: "unsigned" });
    expect(await tagSignature(git, "light")).toMatchObject({
      status: "unsigned",
      why: expect.stringContaining("lightweight"),
    });
  });
});

describe.skipIf(!requireTool("gpg"))("a tag signed with a GnuPG key", () => {
  let key: TestGpgKey;
  let stranger: TestGpgKey;
  beforeAll(() => {
    key = createTestGpgKey();
    stranger = createTestGpgKey("Stranger <stranger@example.net>");
  });
  afterAll(() => {
    key.remove();
    stranger.remove();
  });
  const use = (ring: TestGpgKey) => {
    repository.git("config", "gpg.format", "openpgp");
    repository.git("config", "gpg.program", ring.program);
    repository.git("config", "user.signingkey", ring.user);
  };
  beforeEach(() => {
    use(key);
    repository.git("tag", "-s", "-m", "first", "v1.0.0");
  });

  it("is good and names its signer", async () => {
    expect(await tagSignature(git, "v1.0.0")).toMatchObject({ status: "good", signer: key.user });
  });

  it("is bad when its content was changed", async () => {
    tamper("v1.0.0", "v1.0.1");
    expect(await tagSignature(git, "v1.0.1")).toMatchObject({
      status: "bad",
      signer: key.user,
      why: expect.stringContaining("changed"),
    });
  });

  it("is of an unknown key for another key ring", async () => {
    use(stranger);
    expect(await tagSignature(git, "v1.0.0")).toMatchObject({
      status: "unknown-key",
      why: expect.stringContaining("gpg --import"),
    });
  });

  it("is bad once its key has expired", async () => {
    const shortLived = createTestGpgKey("Brief <brief@example.net>", "seconds=1");
    try {
      use(shortLived);
      repository.git("tag", "-s", "-m", "first", "v1.0.5");
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      expect(await tagSignature(git, "v1.0.5")).toMatchObject({
        status: "bad",
        why: expect.stringContaining("expired"),
      });
    } finally {
      shortLived.remove();
    }
  });
});
