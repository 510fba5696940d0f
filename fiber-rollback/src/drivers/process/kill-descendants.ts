import { readdirSync, readFileSync } from "node:fs";

/**
 * Kills what a process started, and what those started. A no-op where there is no /proc: the
 * caller's own kill must do there.
 */
export function killDescendants(pid: number): void {
  const children = new Map<number, number[]>();
  for (const [child, parent] of listProcesses()) {
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const doomed = [...(children.get(pid) ?? [])];
  for (const one of doomed) doomed.push(...(children.get(one) ?? []));
  for (const one of doomed) {
    try {
      process.kill(one, "SIGKILL");
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
    }
  }
}

/** Every process with its parent. */
function listProcesses(): readonly (readonly [pid: number, parent: number])[] {
  const pids = readEntries().filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name, in brackets, may hold anything: fields are counted from behind it.
      const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
      return [[Number(pid), Number(parent)] as const];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

function readEntries(): readonly string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return [];
  }
}
