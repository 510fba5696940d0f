import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { PgTools } from "../pg-tools.js";
import type { Progress } from "../progress.js";
import { type RunningTool, refuseFailedTool, startTool, type ToolEnd } from "../run-tool.js";
import { ageEncrypter, encryptStream } from "./age-files.js";

/** What to dump, and where to. */
export interface DumpRequest {
  readonly tools: PgTools;
  /** libpq variables of the database. */
  readonly env: Readonly<Record<string, string>>;
  readonly snapshot: string;
  readonly database: string;
  /** Made here; must not exist. */
  readonly file: string;
  /** Null for a plain dump. */
  readonly recipient: string | null;
  /** For the time left. */
  readonly expectedBytes: number;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** A dump that was read to its end and synced. */
export interface DumpWritten {
  readonly sizeBytes: number;
  /** SHA-256 of the file as it lies on disk, hex. */
  readonly sha256: string;
}

const PROGRESS_EVERY_MS = 250;
const SYNC_EVERY_BYTES = 1 << 20;
/** A table that somebody holds locked ends the dump instead of queueing everybody behind it. */
const LOCK_WAIT_MS = 30_000;

/**
 * Dumps a database under an exported snapshot and reads the archive to its end: an archive that
 * cannot be read is an error here, not on the day it is needed. A plain dump is written by
 * pg_dump itself, which then notes where each table begins (parallel restore needs that); an
 * encrypted one goes through memory only, and no plain byte reaches the disk.
 *
 * @throws FiberError DUMP_FAILED, DUMP_UNREADABLE, DISK_FULL; the file may be left: remove it
 */
export async function dumpToFile(request: DumpRequest): Promise<DumpWritten> {
  const handle = await open(request.file, "wx", 0o600);
  await handle.close();
  const sha256 = await withSizeReports(request, () =>
    request.recipient === null ? dumpPlain(request) : dumpEncrypted(request, request.recipient),
  );
  return { sha256, sizeBytes: (await stat(request.file)).size };
}

/** SHA-256 of a whole file, hex. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

async function dumpPlain(request: DumpRequest): Promise<string> {
  const { tools, env, file } = request;
  const dump = await startTool([...dumpCommand(request), `--file=${file}`], {
    env,
    signal: request.signal,
  });
  dump.stdin.end();
  dump.stdout.resume();
  refuseFailedDump(request, await dump.ended);
  const read = await startTool([tools.path("pg_restore"), "--file=/dev/null", file], { env: {} });
  read.stdin.end();
  read.stdout.resume();
  const [sha256, end] = await Promise.all([hashFile(file), read.ended]);
  refuseFailedTool(end, "DUMP_UNREADABLE", `Reading the new dump ${file} back`);
  return sha256;
}

async function dumpEncrypted(request: DumpRequest, recipient: string): Promise<string> {
  const encrypter = ageEncrypter(recipient);
  const { tools, env, file } = request;
  const read = await startTool([tools.path("pg_restore"), "--file=/dev/null"], { env: {} });
  read.stdout.resume();
  const dump = await startTool(dumpCommand(request), { env, signal: request.signal });
  dump.stdin.end();
  const hash = createHash("sha256");
  try {
    const encrypted = await encryptStream(encrypter, passThrough(dump, read, request));
    encrypted.on("data", (chunk: Uint8Array) => hash.update(chunk));
    await pipeline(encrypted, createWriteStream(file, { flags: "w", mode: 0o600, flush: true }));
  } finally {
    dump.kill();
    read.kill();
  }
  return hash.digest("hex");
}

/** Hands the dump on and lets pg_restore read every byte of it; ends only when both went well. */
async function* passThrough(
  dump: RunningTool,
  read: RunningTool,
  request: DumpRequest,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of dump.stdout) {
    if (!read.stdin.write(chunk)) await Promise.race([once(read.stdin, "drain"), read.ended]);
    yield chunk;
  }
  read.stdin.end();
  refuseFailedDump(request, await dump.ended);
  refuseFailedTool(await read.ended, "DUMP_UNREADABLE", "Reading the new dump back");
}

function dumpCommand({ tools, snapshot }: DumpRequest): readonly [string, ...string[]] {
  return [
    tools.path("pg_dump"),
    "--format=custom",
    `--snapshot=${snapshot}`,
    `--lock-wait-timeout=${LOCK_WAIT_MS}`,
    "--no-password",
  ];
}

function refuseFailedDump(request: DumpRequest, end: ToolEnd): void {
  refuseFailedTool(end, "DUMP_FAILED", `The dump of database ${request.database}`);
}

/**
 * Reports the file's size while it grows, and brings it to the disk bit by bit: one large sync at
 * the end would hold up every commit of the server on the same disk.
 */
async function withSizeReports<T>(request: DumpRequest, work: () => Promise<T>): Promise<T> {
  const { expectedBytes, progress } = request;
  const file = await open(request.file, "r");
  let synced = 0;
  let syncing: Promise<void> = Promise.resolve();
  const look = async () => {
    const { size } = await file.stat();
    progress({ step: "dump", done: size, total: expectedBytes, unit: "bytes" });
    if (size - synced < SYNC_EVERY_BYTES) return;
    synced = size;
    await file.datasync();
  };
  const report = setInterval(() => {
    // A failing disk is the dump's own error to report.
    syncing = syncing.then(look).catch(() => {});
  }, PROGRESS_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(report);
    await syncing;
    await file.close();
  }
}
