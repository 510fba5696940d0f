import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StatePaths } from "#agent";
import { FiberError } from "#contracts";
import { formatLogLine, timeOf } from "../log-line.js";
import { locateStack } from "../stack-access.js";

const POLL_MS = 300;
/** Read from the end of a file to find its last lines; logs are rotated at 10 MB. */
const TAIL_BYTES = 2 * 1024 * 1024;

interface Source {
  readonly role: string;
  readonly path: string;
  /** Bytes already shown. */
  offset: number;
  /** Begun line without its end. */
  rest: string;
}

/** Prints the last lines of one role's log, or of all in order of time; follows when asked. */
export async function runLogs(
  role: string | undefined,
  options: { follow?: boolean; lines: string; json?: boolean },
): Promise<void> {
  const count = parseCount(options.lines);
  const sources = findSources(await locateStack(), role);
  const lines = sources
    .flatMap((source) => readNew(source).map((text) => ({ role: source.role, text })))
    .map((line, index) => ({ ...line, index, time: timeOf(line.text) }))
    .sort((a, b) => a.time - b.time || a.index - b.index)
    .slice(-count || undefined);
  const print = (name: string, text: string) =>
    process.stdout.write(`${options.json ? text : formatLogLine(name, text)}\n`);
  if (count > 0) for (const line of lines) print(line.role, line.text);
  if (!options.follow) return;
  for (;;) {
    await sleep(POLL_MS);
    for (const source of sources) {
      for (const text of readNew(source)) print(source.role, text);
    }
  }
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0) return count;
  throw new FiberError("USAGE", `--lines takes a whole number, not "${text}"`);
}

function findSources(paths: StatePaths, role: string | undefined): Source[] {
  const roles = existsSync(paths.logs)
    ? readdirSync(paths.logs).flatMap((name) => /^(.+)\.log$/.exec(name)?.[1] ?? [])
    : [];
  const server = join(paths.stateDir, "postgres", "server.log");
  const known = existsSync(server) ? [...roles, "postgres"] : roles;
  if (role !== undefined && !known.includes(role)) {
    const list = known.length === 0 ? "none yet" : known.join(", ");
    throw new FiberError("USAGE", `No log of "${role}" in ${paths.logs}. There are: ${list}`);
  }
  const wanted = role === undefined ? roles : [role];
  return wanted.map((name) => {
    const path = name === "postgres" ? server : join(paths.logs, `${name}.log`);
    return { role: name, path, offset: Math.max(0, statSync(path).size - TAIL_BYTES), rest: "" };
  });
}

/** Complete lines that were written since the last look; a file that was cut is read anew. */
function readNew(source: Source): string[] {
  const size = statSync(source.path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < source.offset) Object.assign(source, { offset: 0, rest: "" });
  if (size === source.offset) return [];
  const buffer = Buffer.alloc(size - source.offset);
  const fd = openSync(source.path, "r");
  try {
    readSync(fd, buffer, 0, buffer.length, source.offset);
  } finally {
    closeSync(fd);
  }
  const cutIn = source.offset > 0 && source.rest === "" && buffer.length === TAIL_BYTES;
  source.offset = size;
  const lines = (source.rest + buffer.toString("utf8")).split("\n");
  source.rest = lines.pop() ?? "";
  return (cutIn ? lines.slice(1) : lines).filter((line) => line !== "");
}
