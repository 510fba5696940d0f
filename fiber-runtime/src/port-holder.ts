import { readdir, readFile, readlink } from "node:fs/promises";
import { runCommand } from "./run-command.js";

/** The process that listens on a TCP port. */
export interface PortHolder {
  readonly pid: number;
  /** Its command line; arguments separated by spaces. */
  readonly command: string;
}

const LISTEN = "0A";

/**
 * Who listens on a TCP port of this machine, on any address. Reads /proc, and asks `lsof` where
 * there is none. Null when nobody listens, or when the holder belongs to somebody we may not see.
 */
export async function portHolder(port: number): Promise<PortHolder | null> {
  const inodes = await listeningInodes(port);
  if (inodes === null) return holderFromLsof(port);
  if (inodes.size === 0) return null;
  const pid = await processWithSocket(inodes);
  return pid === null ? null : { pid, command: await commandLine(pid) };
}

/** The socket inodes that /proc/net lists as listening on the port; exported for its test. */
export function parseListeningInodes(table: string, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && fields[1]?.split(":")[1] === wanted)
    .flatMap((fields) => fields[9] ?? []);
}

async function listeningInodes(port: number): Promise<ReadonlySet<string> | null> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => null)),
  );
  if (tables.every((table) => table === null)) return null;
  return new Set(tables.flatMap((table) => parseListeningInodes(table ?? "", port)));
}

async function processWithSocket(inodes: ReadonlySet<string>): Promise<number | null> {
  const sockets = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const folder = `/proc/${entry}/fd`;
    // A process may end, or belong to somebody else, while we look at it.
    const descriptors = await readdir(folder).catch(() => []);
    for (const descriptor of descriptors) {
      const link = await readlink(`${folder}/${descriptor}`).catch(() => "");
      if (sockets.has(link)) return Number(entry);
    }
  }
  return null;
}

async function commandLine(pid: number): Promise<string> {
  const raw = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return raw.split("\0").join(" ").trim() || "unknown";
}

async function holderFromLsof(port: number): Promise<PortHolder | null> {
  const listed = await runCommand(["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fp"]);
  const pid = Number(/^p(\d+)$/m.exec(listed.stdout)?.[1]);
  if (!Number.isInteger(pid)) return null;
  const named = await runCommand(["ps", "-o", "command=", "-p", String(pid)]);
  return { pid, command: named.stdout.trim() || "unknown" };
}
