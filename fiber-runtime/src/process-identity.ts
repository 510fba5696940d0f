import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Who a process is, across reuse of its pid and across reboots. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque, as the system tells it; null for a process that is gone. */
  readonly startTime: string | null;
  readonly bootId: string;
  readonly host: string;
  /** Pids mean something within one namespace (container) only; null where the system has none. */
  readonly pidNamespace?: string | null | undefined;
}

/** The identity of a process of this machine. */
export function identifyProcess(pid: number): ProcessIdentity {
  return {
    pid,
    startTime: processStartTime(pid),
    bootId: bootId(),
    host: hostname(),
    pidNamespace: pidNamespace(),
  };
}

/**
 * Whether the very process that is described still lives: "unknown" on another machine or in
 * another container, where we cannot look.
 */
export function isAlive(identity: ProcessIdentity): "yes" | "no" | "unknown" {
  if (identity.bootId !== bootId()) return identity.host === hostname() ? "no" : "unknown";
  if ((identity.pidNamespace ?? null) !== null && identity.pidNamespace !== pidNamespace()) {
    return "unknown";
  }
  const startTime = identity.pid > 0 ? processStartTime(identity.pid) : null;
  return startTime !== null && startTime === identity.startTime ? "yes" : "no";
}

/** Resident memory of a process in bytes; null when it is gone or the system does not say. */
export function residentBytes(pid: number): number | null {
  const status = readProc(`/proc/${pid}/status`);
  if (status !== null) {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  }
  if (process.platform === "linux") return null;
  const kilobytes = Number(ps("rss=", pid));
  return kilobytes > 0 ? kilobytes * 1024 : null;
}

/** A zombie counts as gone: it only waits for its parent to look. */
function processStartTime(pid: number): string | null {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat !== null) {
    // The program's name, in brackets, may hold spaces: count the fields after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  }
  return process.platform === "linux" ? null : ps("lstart=", pid) || null;
}

function bootId(): string {
  // Without /proc the start time alone must do: ps tells it with its date.
  return readProc("/proc/sys/kernel/random/boot_id")?.trim() ?? `unknown on ${hostname()}`;
}

function pidNamespace(): string | null {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return null;
  }
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function ps(field: string, pid: number): string {
  return spawnSync("ps", ["-o", field, "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
}
