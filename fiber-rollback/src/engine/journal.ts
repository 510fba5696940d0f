import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { FiberError } from "#contracts";
import { syncPath } from "../durable-files.js";
import { killAfterLine } from "./chaos.js";
import { freeReserve, isDiskFull } from "./disk-reserve.js";
import type { StepDetail } from "./step.js";

/** What a line of a journal tells. */
export type JournalEvent =
  | { readonly event: "begin"; readonly detail: StepDetail }
  | { readonly event: "resume"; readonly detail: StepDetail }
  | { readonly event: "abort"; readonly detail: StepDetail }
  | { readonly event: "intent"; readonly step: string }
  | { readonly event: "done"; readonly step: string; readonly detail: StepDetail }
  | { readonly event: "failed"; readonly step: string; readonly detail: StepDetail }
  | { readonly event: "undone"; readonly step: string }
  | { readonly event: "undo-failed"; readonly step: string; readonly detail: StepDetail }
  | { readonly event: "stopped"; readonly step: string }
  /** From here on the lines are those of the plan that takes a deploy back. */
  | { readonly event: "taking-back"; readonly detail: StepDetail }
  /** The last line of a run, in every format there will be. */
  | { readonly event: "end"; readonly detail: StepDetail };

/** A line of a journal: an event, when it was written, and the chain that shows a changed line. */
export type JournalLine = JournalEvent & { readonly at: string; readonly chain: string };

/** The record of one run, one JSON line an event; every line is on disk before the call returns. */
export interface Journal {
  readonly path: string;
  lines(): readonly JournalLine[];
  /** @throws FiberError JOURNAL_UNWRITABLE; what was written before stays whole */
  write(event: JournalEvent): Promise<void>;
  /** What a step left behind when it was done; null while it is not, or was undone. */
  outcome(step: string): StepDetail | null;
  close(): Promise<void>;
}

/**
 * Opens a journal, making it when it does not exist. A torn last line, which a kill can leave,
 * counts as not written and is cut off. When the disk is full, the reserve of `stateDir` is freed.
 *
 * @throws FiberError JOURNAL_BROKEN when a line was changed or lost
 */
export async function openJournal(
  path: string,
  options: { readonly now?: () => number; readonly stateDir?: string } = {},
): Promise<Journal> {
  const { now = Date.now, stateDir } = options;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "";
    throw cause;
  });
  const whole = wholeLines(text);
  let size = Buffer.byteLength(whole);
  if (whole.length < text.length) await truncate(path, size);
  const lines = parseJournal(whole, path);
  const file = await open(path, "a", 0o600);
  await syncPath(dirname(path));
  return {
    path,
    lines: () => lines,
    async write(event) {
      const dated = { ...event, at: new Date(now()).toISOString() };
      const line = { ...dated, chain: chainOf(lines.at(-1)?.chain ?? "", dated) };
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      await appendWhole(file, bytes, { path, size, stateDir });
      size += bytes.length;
      lines.push(line);
      killAfterLine(lines.length);
    },
    outcome: (step) => outcomeOf(lines, step),
    close: () => file.close(),
  };
}

/** The part of a journal from line `from` on; closing it closes nothing. */
export function journalFrom(journal: Journal, from: number): Journal {
  const lines = () => journal.lines().slice(from);
  return {
    path: journal.path,
    lines,
    write: journal.write,
    outcome: (step) => outcomeOf(lines(), step),
    close: async () => {},
  };
}

/** A journal's text without its torn last line. */
export function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf("\n") + 1);
}

/**
 * Reads a journal's whole lines and checks their chain.
 *
 * @throws FiberError JOURNAL_BROKEN
 */
export function parseJournal(text: string, path: string): JournalLine[] {
  let chain = "";
  return text
    .split("\n")
    .slice(0, -1)
    .map((raw, index) => {
      const line = parseLine(raw);
      if (line === null || chainOf(chain, withoutChain(line)) !== line.chain) {
        throw new FiberError(
          "JOURNAL_BROKEN",
          `Line ${index + 1} of ${path} is not as it was written. Nothing is done on its word: ` +
            "look at the databases with \\l in psql, and move the folder away to begin anew.",
        );
      }
      chain = line.chain;
      return line;
    });
}

/** Appends a line whole or not at all: half a line in the middle would break the chain. */
async function appendWhole(
  file: FileHandle,
  bytes: Buffer,
  at: { readonly path: string; readonly size: number; readonly stateDir: string | undefined },
): Promise<void> {
  const append = async () => {
    try {
      await file.appendFile(bytes);
      await file.datasync();
    } catch (err) {
      await file.truncate(at.size);
      throw err;
    }
  };
  try {
    await append().catch(async (err: unknown) => {
      const freed =
        isDiskFull(err) && at.stateDir !== undefined && (await freeReserve(at.stateDir));
      if (!freed) throw err;
      await append();
    });
  } catch (cause) {
    throw new FiberError(
      "JOURNAL_UNWRITABLE",
      `${at.path} cannot be written: ${(cause as Error).message}. Nothing more is done without it. ` +
        "Make room or mend the disk, then go on with fiber rollback resume.",
      { cause },
    );
  }
}

function outcomeOf(lines: readonly JournalLine[], step: string): StepDetail | null {
  const last = lines.findLast(
    (line) => (line.event === "done" || line.event === "undone") && line.step === step,
  );
  return last?.event === "done" ? last.detail : null;
}

function parseLine(raw: string): JournalLine | null {
  try {
    return JSON.parse(raw) as JournalLine;
  } catch {
    return null;
  }
}

function withoutChain({ chain: _, ...rest }: JournalLine): Omit<JournalLine, "chain"> {
  return rest;
}

function chainOf(before: string, line: object): string {
  return createHash("sha256")
    .update(before)
    .update(JSON.stringify(line))
    .digest("hex")
    .slice(0, 32);
}
