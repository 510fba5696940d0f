import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A real clone with a real bare remote `origin`, in a temporary folder. */
export interface TestRepository {
  readonly folder: string;
  readonly remote: string;
  /** Runs git in the clone and returns its output; throws when it fails. */
  git(...args: string[]): string;
  /** Writes files and commits them; returns the commit. */
  commit(subject: string, files: Readonly<Record<string, string>>): string;
  /** Runs git in the bare remote. */
  remoteGit(...args: string[]): string;
  remove(): void;
}

/**
 * Makes a repository on branch `release/mvp` with SSH signing set up by a key of its own, trusted
 * under the name ops@example.net. The machine's own git settings do not reach it.
 */
export function createTestRepository(): TestRepository {
  const root = mkdtempSync(join(tmpdir(), "fiber-git-"));
  const folder = join(root, "clone");
  const remote = join(root, "origin.git");
  const run = (cwd: string, args: readonly string[]) =>
    execFileSync("git", args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    }).trim();

  run(root, ["init", "--quiet", "--bare", "--initial-branch=release/mvp", remote]);
  run(root, ["clone", "--quiet", remote, folder]);
  const key = join(root, "key");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", key]);
  const publicKey = execFileSync("ssh-keygen", ["-y", "-f", key], { encoding: "utf8" }).trim();
  writeFileSync(join(root, "allowed-signers"), `ops@example.net ${publicKey}\n`);
  const settings = {
    "user.name": "Ops",
    "user.email": "ops@example.net",
    "gpg.format": "ssh",
    "user.signingkey": key,
    "gpg.ssh.allowedSignersFile": join(root, "allowed-signers"),
    "commit.gpgsign": "false",
    "advice.detachedHead": "false",
  };
  for (const [name, value] of Object.entries(settings)) run(folder, ["config", name, value]);
  run(folder, ["checkout", "--quiet", "-B", "release/mvp"]);

  return {
    folder,
    remote,
    git: (...args) => run(folder, args),
    remoteGit: (...args) => run(remote, args),
    commit: (subject, files) => {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), content);
      }
      run(folder, ["add", "--all"]);
      run(folder, ["commit", "--quiet", "--allow-empty", `--message=${subject}`]);
      return run(folder, ["rev-parse", "HEAD"]);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
