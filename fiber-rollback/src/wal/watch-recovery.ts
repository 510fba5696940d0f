import { readFile } from "node:fs/promises";
import type { Progress } from "../progress.js";

const EVERY_MS = 500;
const SEGMENT_BYTES = 16 * 1024 * 1024;

/**
 * Reports how much archived WAL a recovering server has read, from its log, until the returned
 * function is called.
 */
export function watchRecovery(
  logFile: string,
  segments: readonly string[],
  progress: Progress,
): () => void {
  const total = segments.length * SEGMENT_BYTES;
  const timer = setInterval(() => {
    readFile(logFile, "utf8").then(
      (text) => {
        const read = text.match(/restored log file/g)?.length ?? 0;
        progress({ step: "replay WAL", done: read * SEGMENT_BYTES, total, unit: "bytes" });
      },
      // The log is not there yet.
      () => {},
    );
  }, EVERY_MS);
  return () => clearInterval(timer);
}
