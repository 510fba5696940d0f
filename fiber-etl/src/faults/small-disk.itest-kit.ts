import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { runCommand } from "#runtime";

/** A small file system of its own, seen only by programs that are run inside. */
export interface SmallDisk {
  /** Put before a program to run it where the file system is mounted. */
  readonly wrapper: readonly string[];
  /** Takes all space that is left. */
  fill(): Promise<void>;
  /** Gives back what {@link SmallDisk.fill} took. */
  free(): Promise<void>;
  /** The file system goes with everything on it. */
  remove(): Promise<void>;
}

/**
 * Mounts a small tmpfs on a folder inside a mount namespace, in a user namespace of its own, so
 * that it takes no root. It is gone when this process is, however it ends.
 */
export async function mountSmallDisk(folder: string, sizeMb: number): Promise<SmallDisk> {
  mkdirSync(folder, { recursive: true });
  const script = 'mount -t tmpfs -o "size=$1m,mode=700" tmpfs "$0" && echo mounted && exec cat';
  const keeper: ChildProcess = spawn(
    "unshare",
    ["-Urm", "sh", "-c", script, folder, String(sizeMb)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = once(keeper, "exit");
  const mounted = keeper.stdout === null ? Promise.reject() : once(keeper.stdout, "data");
  await Promise.race([
    mounted,
    ended.then(([code]) => {
      throw new Error(`unshare and mount ended with ${code}: see above`);
    }),
  ]);
  const enter = ["-t", String(keeper.pid), "-U", "-m", "--preserve-credentials"] as const;
  const inside = async (script: string) => {
    const result = await runCommand(["nsenter", ...enter, "sh", "-c", script, folder]);
    return result.exitCode;
  };
  return {
    wrapper: ["nsenter", ...enter],
    async fill() {
      // It ends with an error, because it asks for more than there is.
      await inside('head -c 1G /dev/zero > "$0/filler" 2>/dev/null');
    },
    async free() {
      if ((await inside('rm "$0/filler"')) !== 0) throw new Error("nothing was filled");
    },
    async remove() {
      keeper.stdin?.end();
      await ended;
    },
  };
}
