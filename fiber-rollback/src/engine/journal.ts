import { createHash } from "node:crypto";
import { mkdir, open, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { FiberError } from "#contracts";
import { syncPath } from "../durable-files.js";
import type { StepDetail } from "./step.js";

/** What a line of a journal tells. */
type JournalEvent =
  | { readonly event: "begin"; readonly detail: StepDetail }
  | { readonly event: "resume"; readonly detail: StepDetail }
  | { readonly event: "intent"; readonly step: string }
  | { readonly event: "done"; readonly step: string; readonly detail: StepDetail }
  | { readonly event: "failed"; readonly step: string; readonly detail: StepDetail }
  | { readonly event: "undone"; readonly step: string }
  | { readonly event: "end"; readonly detail: StepDetail };

/** A line of a journal: an event, when it was written, and the chain that shows a changed line. */
type JournalLine = JournalEvent & { readonly at: string; readonly chain: string };

/** The record of one run, one JSON line an event; every line is on disk before the call returns. */
export interface Journal {
  readonly path: string;
  lines(): readonly JournalLine[];
  write(event: JournalEvent): Promise<void>;
  /** What a step left behind when it was done; null while it is not, or was undone. */
  outcome(step: string): StepDetail | null;
  close(): Promise<void>;
}

/**
 * Opens a journal, making it when it does not exist. A torn last line, which a kill can leave,
 * counts as not written and is cut off.
 *
 * @throws FiberError JOURNAL_BROKEN when a line was changed or lost
 */
export async function openJournal(path: string, now: () => number = Date.now): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "";
    throw cause;
  });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
  const lines = parseJournal(whole, path);
  const file = await open(path, "a", 0o600);
  await syncPath(dirname(path));
  return {
    path,
    lines: () => lines,
    async write(event) {
      const dated = { ...event, at: new Date(now()).toISOString() };
      const line = { ...dated, chain: chainOf(lines.at(-1)?.chain ?? "", dated) };
      await file.write(`${JSON.stringify(line)}\n`);
      await file.datasync();
      lines.push(line);
    },
    outcome(step) {
      const last = lines.findLast(
        (line) => (line.event === "done" || line.event === "undone") && line.step === step,
      );
      return last?.event === "done" ? last.detail : null;
    },
    close: () => file.close(),
  };
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
