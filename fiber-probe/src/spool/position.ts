import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** How far a spool has been sent, and what it lost on the way. */
export interface Position {
  /** Records up to this number are done: accepted, refused for good, or dropped. */
  readonly acked: number;
  /** Samples dropped because the spool was full or could not be written. */
  readonly dropped: number;
  /** Times that a torn tail was cut off after a crash. */
  readonly torn: number;
}

const positionSchema = z.object({
  acked: z.int().min(0),
  dropped: z.int().min(0),
  torn: z.int().min(0),
});

/** Reads the stored position; a missing or damaged one is null: everything is sent again. */
export function readPosition(folder: string): Position | null {
  let text: string;
  try {
    text = readFileSync(join(folder, "position"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const parsed = positionSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    // Zeros after a power cut: at-least-once allows sending again.
    return null;
  }
}

/** Replaces the stored position as a whole: a kill leaves the old or the new one. */
export function writePosition(folder: string, position: Position): void {
  const next = join(folder, "position.next");
  writeFileSync(next, JSON.stringify(position), { mode: 0o600 });
  renameSync(next, join(folder, "position"));
}
