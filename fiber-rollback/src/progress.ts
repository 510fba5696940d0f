import type { Clock } from "#runtime";

/** How far a long step is; `total` null means that nobody can know. */
export interface ProgressUpdate {
  /** What is being done, in a few words: "dump", "restore". */
  readonly step: string;
  readonly done: number;
  readonly total: number | null;
  readonly unit: "bytes" | "rows";
}

/** Told again and again during a long step. */
export type Progress = (update: ProgressUpdate) => void;

/** For callers that show nothing. */
export const noProgress: Progress = () => {};

const TERMINAL_EVERY_MS = 200;
const LINES_EVERY_MS = 10_000;

/**
 * Shows progress on a stream: one line that is written over on a terminal, else a line every ten
 * seconds. `end` leaves the terminal's line clean.
 */
export function createProgressPrinter(
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
  clock: Pick<Clock, "now">,
): { readonly progress: Progress; end(): void } {
  const everyMs = stream.isTTY ? TERMINAL_EVERY_MS : LINES_EVERY_MS;
  let step = "";
  let startedMs = 0;
  let startedAt = 0;
  let shownMs = 0;
  let open = false;
  const end = () => {
    if (open) stream.write("\r\u001b[K");
    open = false;
  };
  const progress: Progress = (update) => {
    const now = clock.now();
    if (update.step !== step) {
      ({ step } = update);
      startedMs = now;
      startedAt = update.done;
      shownMs = stream.isTTY ? 0 : now;
    }
    if (now - shownMs < everyMs) return;
    shownMs = now;
    const line = progressLine(update, { elapsedMs: now - startedMs, since: startedAt });
    if (stream.isTTY) stream.write(`\r${line}\u001b[K`);
    else stream.write(`${line}\n`);
    open = stream.isTTY === true;
  };
  return { progress, end };
}

/**
 * One line: step, amount, rate and time left.
 *
 * @param over milliseconds since the step began, and the amount that was done at that moment
 */
export function progressLine(
  { step, done, total, unit }: ProgressUpdate,
  over: { readonly elapsedMs: number; readonly since: number },
): string {
  const amount = unit === "bytes" ? formatBytes : formatCount;
  const rate = over.elapsedMs > 0 ? (done - over.since) / (over.elapsedMs / 1_000) : 0;
  const parts = [`${step}: ${amount(done)}${total === null ? "" : ` of ${amount(total)}`}`];
  if (rate > 0) parts.push(`${amount(rate)}/s`);
  if (rate > 0 && total !== null && total > done) {
    parts.push(`${formatDuration((total - done) / rate)} left`);
  }
  return parts.join(", ");
}

/** Bytes in the largest fitting unit: "1.4 GB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1_000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

function formatCount(count: number): string {
  return `${Math.round(count).toLocaleString("en")} rows`;
}

/** Seconds as "42 s", "3 min 5 s" or "2 h 10 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
