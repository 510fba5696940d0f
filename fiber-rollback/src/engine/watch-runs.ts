import { stat } from "node:fs/promises";
import { FiberError } from "#contracts";
import { systemClock } from "#runtime";
import { readLockHolder } from "../lock/file-lock.js";
import { readRun, standingPath } from "./read-run.js";
import type { RunRecord } from "./run-record.js";
import { journalPath, listRunIds } from "./run-store.js";

/** What a follower of runs hears. */
export type RunsEvent =
  /** A run that is new, came further, or stands differently. */
  | { readonly kind: "run"; readonly run: RunRecord }
  /** A run that cannot be read: a newer format, a broken journal. */
  | { readonly kind: "unreadable"; readonly id: string; readonly error: FiberError };

/** How to follow runs. */
export interface WatchOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Milliseconds between looks; 200 by default. */
  readonly everyMs?: number;
  /** Whether runs that ended before are told at the start; false by default. */
  readonly fromStart?: boolean;
}

/** What was seen of a run: unequal means something happened. */
interface Seen {
  readonly mark: string;
  readonly ended: boolean;
}

/**
 * Follows the runs of a state folder, whichever process runs them: yields each run at the start
 * that is not over, and then again whenever its journal grows, its step stands differently, or its
 * process dies. Looks instead of listening: file events say nothing on network folders, nor of a
 * process that was killed. A run that has ended costs nothing.
 */
export async function* watchRuns(
  stateDir: string,
  { signal, everyMs = 200, fromStart = false }: WatchOptions,
): AsyncGenerator<RunsEvent, void, undefined> {
  const seen = new Map<string, Seen>();
  let first = true;
  while (!signal.aborted) {
    const holder = await holderMark(stateDir);
    for (const id of await listRunIds(stateDir)) {
      const before = seen.get(id);
      if (before?.ended === true) continue;
      // Marked before it is read: what is written in between is told the next time.
      const mark = `${await fileMarks(stateDir, id)} ${holder}`;
      if (mark === before?.mark) continue;
      const event = await lookAt(stateDir, id);
      const ended = event?.kind === "unreadable" || event?.run.resumable === false;
      seen.set(id, { mark, ended });
      if (event !== null && (fromStart || !first || !ended)) yield event;
    }
    first = false;
    await systemClock.sleep(everyMs, signal);
  }
}

async function lookAt(stateDir: string, id: string): Promise<RunsEvent | null> {
  try {
    return { kind: "run", run: await readRun(stateDir, id) };
  } catch (error) {
    if (!(error instanceof FiberError)) throw error;
    // Planned, but not begun: nothing to tell yet.
    return error.code === "RUN_NOT_FOUND" ? null : { kind: "unreadable", id, error };
  }
}

async function fileMarks(stateDir: string, id: string): Promise<string> {
  const paths = [journalPath(stateDir, id), standingPath(stateDir, id)];
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
  return found.map((one) => (one === null ? "-" : `${one.size}/${one.mtimeMs}`)).join(" ");
}

/** A holder that died leaves its lock as it is: whether it lives belongs to the mark. */
async function holderMark(stateDir: string): Promise<string> {
  const found = await readLockHolder(stateDir);
  return found === null ? "-" : `${found.holder.pid}/${found.holder.since}/${found.alive}`;
}
