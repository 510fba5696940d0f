import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { FiberError } from "#contracts";
import { packageRoot } from "./package-root.js";
import { runCommand } from "./run-command.js";

/**
 * Where this installation keeps everything it must not lose: database, spools, backups, journal.
 * The same from every worktree of a clone and outside it, so that `git clean -fdx` erases nothing:
 * `FIBER_STATE_DIR`, else `/var/lib/fiberstack/<hash>` as root, else
 * `$XDG_STATE_HOME/fiberstack/<hash>`; the hash is that of git's common folder, or of the package
 * folder where there is no git.
 *
 * @throws FiberError CONFIG_INVALID when FIBER_STATE_DIR is relative
 */
export async function stateFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const fixed = env.FIBER_STATE_DIR;
  if (fixed) {
    if (!isAbsolute(fixed)) {
      throw new FiberError("CONFIG_INVALID", `FIBER_STATE_DIR must be absolute, not "${fixed}"`);
    }
    return fixed;
  }
  const hash = createHash("sha256")
    .update(await installationIdentity())
    .digest("hex")
    .slice(0, 12);
  const base =
    process.getuid?.() === 0
      ? "/var/lib/fiberstack"
      : join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "fiberstack");
  return join(base, hash);
}

/**
 * Makes the state folder with its mode (0711: the database's own user must pass through it),
 * whatever the umask says.
 *
 * @throws FiberError STATE_FOLDER_UNUSABLE
 */
export function makeStateFolder(folder: string): void {
  try {
    const first = mkdirSync(folder, { recursive: true, mode: 0o711 });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) {
      chmodSync(made, 0o711);
    }
  } catch (cause) {
    throw new FiberError(
      "STATE_FOLDER_UNUSABLE",
      `The state folder ${folder} cannot be made: ${(cause as Error).message}. ` +
        "Point FIBER_STATE_DIR at a folder you may write to.",
      { cause },
    );
  }
}

async function installationIdentity(): Promise<string> {
  const git = await runCommand([
    "git",
    "-C",
    packageRoot,
    "rev-parse",
    "--show-toplevel",
    "--git-common-dir",
  ]);
  const [top, common] = git.stdout.split("\n");
  const root = realpathSync(packageRoot);
  // A package installed inside somebody else's repository is not that repository.
  const ours = git.exitCode === 0 && top !== undefined && realpathSync(top) === root;
  return ours && common ? realpathSync(resolve(root, common)) : root;
}
