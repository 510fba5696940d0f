import { FiberError } from "#contracts";
import { gitTagDelete, gitTagSigned } from "./git-commands.js";
import { remoteRef, tagsOf } from "./git-facts.js";
import { type Git, gitError } from "./run-git.js";
import { type TagSignature, tagSignature } from "./tag-signature.js";

/**
 * Sets a signed tag and looks at the signature: git 2.39 makes an unsigned tag and exits 0 when an
 * SSH key cannot be read. A tag that did not come out signed is removed again.
 *
 * @throws FiberError SIGNING_FAILED: no tag was set
 */
export async function signTag(
  git: Git,
  what: { readonly tag: string; readonly commit: string; readonly message: string },
): Promise<TagSignature> {
  const result = await git.try(gitTagSigned(what.tag, what.commit, what.message));
  if (result.exitCode === 0) {
    const signature = await tagSignature(git, what.tag);
    if (signature.status === "good" || signature.status === "unknown-key") return signature;
    await git.try(gitTagDelete(what.tag));
  }
  const words = result.stderr.trim().split("\n")[0] || "the tag came out unsigned";
  throw new FiberError(
    "SIGNING_FAILED",
    `git could not sign ${what.tag}: ${words}. Set user.signingkey (and gpg.format ssh for an SSH ` +
      "key), or unlock the key, then run this again. No tag was set, nothing was pushed.",
    { cause: gitError(result) },
  );
}

/**
 * @param remote null for a repository that has none
 * @throws FiberError TAG_EXISTS here or there; REMOTE_UNREACHABLE when nobody can tell
 */
export async function requireFreeTag(git: Git, tag: string, remote: string | null): Promise<void> {
  const here = (await tagsOf(git)).has(tag);
  const there = remote !== null && (await remoteRef(git, remote, `refs/tags/${tag}`)) !== null;
  if (!here && !there) return;
  const unpushed = here && !there && remote !== null;
  throw new FiberError(
    "TAG_EXISTS",
    `The tag ${tag} exists ${here ? "here" : `on ${remote}`} already, and tags of releases never ` +
      `move. Choose the next one${
        unpushed
          ? `; or, if a command that was killed left it here and nobody has it, remove it: git tag --delete ${tag}`
          : ""
      }.`,
  );
}
