import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { mustRun, runCommand } from "#runtime";

/** A real file system of a few megabytes, on which writing ends with ENOSPC. */
export interface SmallDisk {
  /**
   * Its only folder, empty and writable. Every program of the same user reaches it by this path,
   * which is to be used as it is: resolving it (realpath) may lead elsewhere.
   */
  readonly folder: string;
  /** Makes it larger or smaller; what lies on it stays. */
  resize(sizeBytes: number): Promise<void>;
  /** Writes it full. What gives way later is taken again by calling it again. */
  fill(): void;
  /** Gives back what {@link SmallDisk.fill} took. */
  free(): void;
  /** Makes it read-only or writable again; refused while a file on it is open for writing. */
  setWritable(writable: boolean): Promise<void>;
  /** Takes it away with all that lies on it. Whoever still writes there is a fault of the test. */
  remove(): Promise<void>;
}

/**
 * Whether a test may have a {@link smallDisk} here: as root where the system lets it mount, else
 * where it allows user namespaces. A machine that allows neither is told of loudly, and is an error
 * where skips are forbidden (FIBER_FORBID_SKIPS=1, as in CI).
 *
 * @throws Error when there can be none and skips are forbidden
 */
export async function canHaveSmallDisk(): Promise<boolean> {
  try {
    await (await smallDisk(1 << 20)).remove();
    return true;
  } catch (err) {
    const message = `Tests of a full disk cannot run: ${(err as Error).message}`;
    if (process.env.FIBER_FORBID_SKIPS === "1") throw new Error(message);
    console.warn(`\n!!! SKIPPED: ${message}\n`);
    return false;
  }
}

/**
 * Mounts a tmpfs of its own. Root mounts it where everybody sees it. Anybody else mounts it inside
 * a user and mount namespace that a waiting process keeps, and reaches it through that process's
 * root in /proc: so the code under test runs where it always runs, and meets a real full disk.
 * It is gone when this process is killed.
 *
 * @throws Error when the system allows neither
 */
export async function smallDisk(sizeBytes: number): Promise<SmallDisk> {
  const base = await realpath(await mkdtemp(join(tmpdir(), "fiber-disk-")));
  try {
    const mounted =
      process.getuid?.() === 0
        ? await mountAsRoot(base, sizeBytes)
        : await mountInNamespace(base, sizeBytes);
    return asDisk(mounted, sizeBytes);
  } catch (cause) {
    await rm(base, { recursive: true, force: true });
    throw cause;
  }
}

/** A disk that is mounted. */
interface Mounted {
  readonly folder: string;
  /** With options of mount(8). */
  remount(options: string): Promise<void>;
  remove(): Promise<void>;
}

function asDisk({ folder, remount, remove }: Mounted, initialBytes: number): SmallDisk {
  let sizeBytes = initialBytes;
  const filler = join(folder, "filler");
  return {
    folder,
    remove,
    async resize(bytes) {
      sizeBytes = bytes;
      await remount(optionsOf(bytes));
    },
    fill() {
      try {
        for (;;) appendFileSync(filler, Buffer.alloc(4_096));
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== "ENOSPC") throw err;
      }
    },
    free: () => rmSync(filler),
    setWritable: (writable) => remount(`${optionsOf(sizeBytes)},${writable ? "rw" : "ro"}`),
  };
}

async function mountAsRoot(base: string, sizeBytes: number): Promise<Mounted> {
  await mustRun(["mount", "-t", "tmpfs", "-o", optionsOf(sizeBytes), "tmpfs", base]);
  // Takes the mount away when we are killed, and also when we say so.
  const keeper = spawn("sh", ["-c", 'cat >/dev/null; umount -l "$1"; rmdir "$1"', "sh", base], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  keeper.unref();
  const folder = join(base, "disk");
  await mkdir(folder, { mode: 0o755 });
  return {
    folder,
    remount: async (options) => {
      await mustRun(["mount", "-o", `remount,${options}`, base]);
    },
    async remove() {
      // A mount that is still in use would stay behind unseen: that is told.
      const unmounted = await runCommand(["umount", base]);
      await endKeeper(keeper);
      await rm(base, { recursive: true, force: true });
      if (unmounted.exitCode !== 0) throw new Error(unmounted.stderr);
    },
  };
}

/**
 * Mounts, says so, and stays until its stdin ends; each line it reads is new options. (With its
 * source named, a remount takes these options only, not those that the mount table adds: ids that
 * the namespace does not know.)
 */
const KEEPER = `
mount -t tmpfs -o "$2" tmpfs "$1" && mkdir -m 755 "$1/disk" && echo mounted || exit 1
while read -r options; do mount -t tmpfs -o "remount,$options" tmpfs "$1" && echo mounted || break; done
umount -l "$1"; rmdir "$1"`;

async function mountInNamespace(base: string, sizeBytes: number): Promise<Mounted> {
  const keeper = spawn(
    "unshare",
    ["--user", "--map-root-user", "--mount", "sh", "-c", KEEPER, "sh", base, optionsOf(sizeBytes)],
    { cwd: "/", detached: true, stdio: ["pipe", "pipe", "pipe"] },
  );
  const said = text(keeper.stderr);
  keeper.stdin.on("error", () => {});
  const mounted = async () => {
    const spoken = await Promise.race([once(keeper.stdout, "data"), once(keeper, "close")]);
    if (String(spoken[0]).startsWith("mounted")) return;
    const hint = "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1) or run as root";
    throw new Error(`no namespace to mount a disk in: ${(await said).trim()}; ${hint}`);
  };
  await mounted();
  const folder = `/proc/${keeper.pid}/root${base}/disk`;
  await statfs(folder);
  return {
    folder,
    async remount(options) {
      keeper.stdin.write(`${options}\n`);
      await mounted();
    },
    async remove() {
      await endKeeper(keeper);
      await rm(base, { recursive: true, force: true });
    },
  };
}

async function endKeeper(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  keeper.ref();
  const ended = once(keeper, "exit");
  keeper.stdin?.end();
  await ended;
}

function optionsOf(sizeBytes: number): string {
  return `size=${sizeBytes},mode=755`;
}
