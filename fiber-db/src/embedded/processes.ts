import { readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { runCommand } from "#runtime";

/** Whether the system knows a process of this number, be it ours, another's or a dead one's rest. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Whether a process runs. One that ended but was not yet collected by its parent, which in a
 * container without an init may be never, does not.
 */
export function isAlive(pid: number): boolean {
  return exists(pid) && !isZombie(pid);
}

/** Whether a process works in the folder; PostgreSQL's processes all do in their data folder. */
export async function worksIn(pid: number, folder: string): Promise<boolean> {
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => null);
  if (cwd !== null) return cwd === folder;
  const listed = await runCommand(["ps", "-o", "command=", "-p", String(pid)]);
  return listed.stdout.includes(folder);
}

/** PostgreSQL's processes that work in the folder; none where there is no /proc. */
export async function postgresProcessesIn(folder: string): Promise<readonly number[]> {
  const entries = await readdir("/proc").catch(() => []);
  const found: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const cwd = await readlink(`/proc/${entry}/cwd`).catch(() => null);
    if (cwd !== folder) continue;
    const command = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    if (command.includes("postgres")) found.push(Number(entry));
  }
  return found;
}

function isZombie(pid: number): boolean {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    return fields.slice(fields.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}
