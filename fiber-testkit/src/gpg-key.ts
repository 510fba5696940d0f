import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A GnuPG key of its own, in a throw-away key ring. */
export interface TestGpgKey {
  /** What git's user.signingkey takes. */
  readonly user: string;
  /** What git's gpg.program takes: GnuPG on this key ring and no other. */
  readonly program: string;
  /** Runs GnuPG on this key ring; throws when it fails. */
  gpg(...args: string[]): string;
  remove(): void;
}

/**
 * Makes a key ring with one signing key without a passphrase. The machine's own stays untouched.
 *
 * @param expires as GnuPG takes it: "never", "seconds=1"
 */
export function createTestGpgKey(user = "Ops <ops@example.net>", expires = "never"): TestGpgKey {
  const home = mkdtempSync(join(tmpdir(), "fiber-gpg-"));
  const run = (program: string, args: readonly string[]) =>
    execFileSync(program, ["--homedir", home, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const gpg = (...args: string[]) => run("gpg", ["--batch", "--quiet", ...args]);
  gpg("--passphrase", "", "--quick-generate-key", user, "ed25519", "sign", expires);
  const program = join(home, "gpg");
  writeFileSync(program, `#!/bin/sh\nexec gpg --homedir '${home}' "$@"\n`, { mode: 0o755 });
  return {
    user,
    program,
    gpg,
    remove() {
      // Its agent would outlive the folder.
      run("gpgconf", ["--kill", "all"]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
