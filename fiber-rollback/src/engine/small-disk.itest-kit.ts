import { spawnSync } from "node:child_process";

/**
 * Runs shell commands where `$DISK` is a small disk of its own, read them with their output. The
 * disk is mounted in a mount namespace, as root or, with a user namespace, as anybody: it vanishes
 * with the commands, whatever happens to the test.
 *
 * @throws Error with the commands' complaints when one fails
 */
export function onSmallDisk(
  options: { readonly folder: string; readonly sizeMb: number },
  commands: readonly string[],
): string {
  const asRoot = process.getuid?.() === 0;
  const script = [`mount -t tmpfs -o size=${options.sizeMb}m tmpfs "$DISK"`, ...commands].join(
    "\n",
  );
  const end = spawnSync("unshare", [asRoot ? "-m" : "-Urm", "sh", "-euc", script], {
    encoding: "utf8",
    env: { ...process.env, DISK: options.folder, FIBER_ENV: "test" },
  });
  if (end.error) throw end.error;
  if (end.status === 0) return end.stdout;
  throw new Error(`on a small disk (${end.status}): ${end.stderr}\n${end.stdout}`);
}
