import type { CommandResult } from "#runtime";
import { gitVerifyTag } from "./git-commands.js";
import type { Git } from "./run-git.js";

/** What a tag's signature is worth on this machine. */
export interface TagSignature {
  readonly status: "good" | "bad" | "unsigned" | "unknown-key";
  /** Who signed, as the key names them; null when unknown. */
  readonly signer: string | null;
}

/** Checks a tag with GPG or SSH, whichever signed it. A lightweight tag is unsigned. */
export async function tagSignature(git: Git, tag: string): Promise<TagSignature> {
  return readSignature(await git.try(gitVerifyTag(tag)));
}

/**
 * Reads what `git verify-tag --raw` prints: GnuPG's status lines (doc/DETAILS of GnuPG), or
 * ssh-keygen's sentence. An expired or revoked key does not make a good signature.
 */
function readSignature(
  result: Pick<CommandResult, "exitCode" | "stdout" | "stderr">,
): TagSignature {
  const text = `${result.stdout}\n${result.stderr}`;
  const gpgSigner = /^\[GNUPG:\] (?:GOODSIG|BADSIG|EXPKEYSIG|REVKEYSIG) \S+ (.+)$/m.exec(text)?.[1];
  const sshSigner = /^Good "git" signature for (.+) with \S+ key /m.exec(text)?.[1];
  const signer = gpgSigner ?? sshSigner ?? null;
  if (result.exitCode === 0 && signer !== null) return { status: "good", signer };
  if (/^\[GNUPG:\] (BADSIG|EXPKEYSIG|REVKEYSIG) /m.test(text)) return { status: "bad", signer };
  if (/^\[GNUPG:\] (NO_PUBKEY|ERRSIG) /m.test(text)) return { status: "unknown-key", signer: null };
  // ssh-keygen verifies the signature before it looks for the signer among the allowed ones.
  if (/^Good "git" signature with /m.test(text)) return { status: "unknown-key", signer: null };
  if (/allowedSignersFile needs to be configured/.test(text)) {
    return { status: "unknown-key", signer: null };
  }
  if (/no signature found|cannot verify a non-tag object/.test(text)) {
    return { status: "unsigned", signer: null };
  }
  return { status: "bad", signer: null };
}
