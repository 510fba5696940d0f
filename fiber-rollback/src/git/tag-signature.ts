import { FiberError } from "#contracts";
import type { CommandResult } from "#runtime";
import { gitTagObject, gitVerifyTag } from "./git-commands.js";
import type { Git } from "./run-git.js";

/** What a tag's signature is worth on this machine. */
export interface TagSignature {
  readonly status: "good" | "bad" | "unsigned" | "unknown-key";
  /** Who signed, as the key names them; null when unknown. */
  readonly signer: string | null;
  /** Why it is not good and what to do, in a sentence; null for a good one. */
  readonly why: string | null;
}

/**
 * Checks a tag with GPG or SSH, whichever signed it. A lightweight tag is unsigned; a tag object
 * that was signed under another name is bad, although its signature holds.
 *
 * @throws FiberError SIGNATURE_UNCHECKABLE when the program that checks is missing
 */
export async function tagSignature(git: Git, tag: string): Promise<TagSignature> {
  const object = (await git.must(gitTagObject(tag))).split("\n")[0] ?? "";
  const [kind = "", name = ""] = object.split("\t");
  if (kind === "commit") {
    return unsigned(`${tag} is a lightweight tag, which cannot bear a signature`);
  }
  const result = await git.try(gitVerifyTag(tag));
  refuseMissingProgram(result, tag);
  const signature = readSignature(result);
  if (signature.status !== "good" || name === tag) return signature;
  const why = `its object was signed as ${name}: somebody renamed it`;
  return { status: "bad", signer: signature.signer, why };
}

/**
 * Reads what `git verify-tag --raw` prints: GnuPG's status lines (doc/DETAILS of GnuPG), or
 * ssh-keygen's sentence. An expired or revoked key does not make a good signature.
 */
function readSignature(
  result: Pick<CommandResult, "exitCode" | "stdout" | "stderr">,
): TagSignature {
  const text = `${result.stdout}\n${result.stderr}`;
  const gpg = /^\[GNUPG:\] (GOODSIG|BADSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) \S+ (.+)$/m.exec(text);
  const ssh = /^Good "git" signature for (.+) with \S+ key /m.exec(text)?.[1];
  const signer = gpg?.[2] ?? ssh ?? null;
  if (result.exitCode === 0 && signer !== null) return { status: "good", signer, why: null };
  if (gpg !== null) {
    return { status: "bad", signer, why: GPG_FAULTS[gpg[1] ?? ""] ?? "GnuPG refuses it" };
  }
  if (/^\[GNUPG:\] (NO_PUBKEY|ERRSIG) /m.test(text)) {
    return unknownKey("its key is not in your GnuPG key ring: import it with gpg --import");
  }
  // ssh-keygen verifies the signature before it looks for the signer among the allowed ones.
  if (
    /^Good "git" signature with /m.test(text) ||
    /allowedSignersFile needs to be configured/.test(text)
  ) {
    return unknownKey(
      "its key is not among the signers you allow: add it to the file that " +
        "git config gpg.ssh.allowedSignersFile names",
    );
  }
  if (/no signature found/.test(text)) return unsigned("it was made without a signature");
  return { status: "bad", signer: null, why: lastLine(text) };
}

const GPG_FAULTS: Readonly<Record<string, string>> = {
  BADSIG: "the signature does not belong to this content: somebody changed it",
  EXPSIG: "the signature has expired",
  EXPKEYSIG: "its key has expired",
  REVKEYSIG: "its key was revoked",
};

function unsigned(why: string): TagSignature {
  return { status: "unsigned", signer: null, why: `${why}; sign releases with fiber release tag` };
}

function unknownKey(why: string): TagSignature {
  return { status: "unknown-key", signer: null, why };
}

function refuseMissingProgram(result: CommandResult, tag: string): void {
  const program = /^(?:fatal|error): cannot run (\S+): No such file/m.exec(result.stderr)?.[1];
  if (program === undefined) return;
  throw new FiberError(
    "SIGNATURE_UNCHECKABLE",
    `The signature of ${tag} cannot be checked: ${program} was not found. Install it ` +
      "(Debian: gnupg for GPG, openssh-client for SSH), or mend gpg.program or gpg.ssh.program.",
  );
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
