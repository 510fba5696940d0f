import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { PgTools } from "../pg-tools.js";
import { type RunningTool, startTool, type ToolEnd } from "../run-tool.js";
import { decryptStream } from "./age-files.js";

/** Something that makes a dump unfit for a restore. */
export interface DumpProblem {
  readonly code:
    | "DUMP_MISSING"
    | "DUMP_EMPTY"
    | "DUMP_NOT_CUSTOM"
    | "DUMP_TOO_NEW"
    | "DUMP_DAMAGED"
    | "DUMP_FOREIGN"
    | "DUMP_ENCRYPTED"
    | "CHECKSUM_MISMATCH"
    | "MANIFEST_MISSING"
    | "MANIFEST_MISMATCH"
    | "MANIFEST_INVALID"
    | "MANIFEST_TOO_NEW";
  /** What is wrong and what to do. */
  readonly message: string;
}

/** What an archive's table of contents says. */
export interface DumpContents {
  /** Tables whose data it holds, unqualified in schema public. */
  readonly tables: readonly string[];
  readonly serverVersion: string | null;
  readonly pgDumpVersion: string | null;
}

/** What reading an archive to its end showed. */
export interface DumpInspected {
  /** Null when the table of contents cannot be read. */
  readonly contents: DumpContents | null;
  readonly problem: DumpProblem | null;
}

/** A dump and how to read it. */
export interface DumpSource {
  readonly path: string;
  readonly tools: PgTools;
  /** Identity file for an encrypted dump. */
  readonly identityFile?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Tables that every database of ours has from its first migration on. */
const OUR_TABLES = ["fiber_migrations", "nodes"];

/**
 * Reads an archive to its end. `pg_restore --list` accepts truncated and damaged archives, so every
 * byte of data is decompressed as well; nothing is written.
 */
export async function inspectDump(source: DumpSource): Promise<DumpInspected> {
  const early = await refuseByLook(source);
  if (early !== null) return { contents: null, problem: early };
  const listed = await readArchive(source, ["--list"]);
  if (listed.end.exitCode !== 0) {
    return { contents: null, problem: problemOf(source.path, listed.end.stderr) };
  }
  const contents = parseContents(listed.stdout);
  const read = await readArchive(source, ["--file=/dev/null"]);
  if (read.end.exitCode !== 0) {
    return { contents, problem: problemOf(source.path, read.end.stderr) };
  }
  const foreign = OUR_TABLES.filter((table) => !contents.tables.includes(table));
  if (foreign.length === 0) return { contents, problem: null };
  return { contents, problem: foreignDump(source.path, foreign) };
}

/** Reads what `pg_restore --list` prints. */
function parseContents(list: string): DumpContents {
  const header = (name: string) => new RegExp(`^; +${name}: (\\S+)`, "m").exec(list)?.[1] ?? null;
  const tables = [...list.matchAll(/^\d+; \d+ \d+ TABLE (?!DATA|ATTACH)(\S+) (\S+) /gm)].map(
    ([, schema, table]) => (schema === "public" ? `${table}` : `${schema}.${table}`),
  );
  return {
    tables,
    serverVersion: header("Dumped from database version"),
    pgDumpVersion: header("Dumped by pg_dump version"),
  };
}

/**
 * Starts pg_restore on a dump; an encrypted one is decrypted into its stdin.
 *
 * @throws FiberError BACKUP_KEY_WRONG
 */
export async function startPgRestore(
  source: DumpSource,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningTool> {
  const program = source.tools.path("pg_restore");
  if (source.identityFile === undefined) {
    const tool = await startTool([program, ...args, source.path], { env, signal: source.signal });
    tool.stdin.end();
    return tool;
  }
  const plain = await decryptStream(createReadStream(source.path), source.identityFile);
  const tool = await startTool([program, ...args], { env, signal: source.signal });
  // pg_restore may stop reading early; its exit code tells whether it had enough.
  pipeline(plain, tool.stdin).catch(() => tool.stdin.end());
  return tool;
}

async function readArchive(
  source: DumpSource,
  args: readonly string[],
): Promise<{ stdout: string; end: ToolEnd }> {
  const tool = await startPgRestore(source, args);
  const chunks: Buffer[] = [];
  tool.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const end = await tool.ended;
  return { stdout: Buffer.concat(chunks).toString("utf8"), end };
}

async function refuseByLook(source: DumpSource): Promise<DumpProblem | null> {
  const { path } = source;
  const file = await stat(path).catch(() => null);
  if (file === null) return problem("DUMP_MISSING", `${path} does not exist.`);
  if (file.size === 0) {
    return problem("DUMP_EMPTY", `${path} is empty: the command that wrote it failed.`);
  }
  const start = await firstBytes(path, 22);
  const encrypted = start.startsWith("age-encryption.org");
  if (encrypted && source.identityFile === undefined) {
    return problem(
      "DUMP_ENCRYPTED",
      `${path} is encrypted with age: give the identity file with --identity FILE.`,
    );
  }
  if (encrypted || start.startsWith("PGDMP")) return null;
  return problem(
    "DUMP_NOT_CUSTOM",
    `${path} is not in pg_dump's custom format${start.startsWith("--") ? " but an SQL script" : ""}.`,
  );
}

async function firstBytes(path: string, count: number): Promise<string> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead).toString("latin1");
  } finally {
    await handle.close();
  }
}

function problemOf(path: string, stderr: string): DumpProblem {
  const newer = /unsupported version \((\S+)\) in file header/.exec(stderr);
  if (newer !== null) {
    return {
      code: "DUMP_TOO_NEW",
      message:
        `${path} was written by a newer pg_dump (archive version ${newer[1]}) than this pg_restore ` +
        "reads. Install newer client programs, or point FIBER_PG_BIN at them.",
    };
  }
  return problem("DUMP_DAMAGED", `${path} cannot be read to its end: ${stderr}`);
}

function foreignDump(path: string, lacking: readonly string[]): DumpProblem {
  return problem(
    "DUMP_FOREIGN",
    `${path} is a readable dump, but not of a FiberStack database: it has no table ` +
      `${lacking.join(" and no table ")}.`,
  );
}

function problem(code: DumpProblem["code"], what: string): DumpProblem {
  const remedy = code === "DUMP_ENCRYPTED" ? "" : " Take another backup: fiber backup list.";
  return { code, message: `${what}${remedy}` };
}
