import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Who a process is, across pid reuse and reboots. `startTime` is null when it is gone. */
export function processIdentity(pid) {
  return { pid, startTime: startTime(pid), bootId: bootId() };
}

/** Whether the process that wrote this identity still lives. */
export function sameProcess(identity) {
  if (!(identity.pid > 0) || identity.bootId !== bootId()) return false;
  const started = startTime(identity.pid);
  return started !== null && started === identity.startTime;
}

function bootId() {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown"; // no /proc (macOS): start times carry the date there
  }
}

function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in brackets, may hold spaces: count fields after it. 22nd is start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    if (process.platform === "linux") return null;
    return (
      spawnSync("ps", ["-o", "lstart=", "-p", String(pid)])
        .stdout.toString()
        .trim() || null
    );
  }
}
