import { stripVTControlCharacters } from "node:util";
import type { ProgressUpdate, RunEvent, RunPlan, StepDetail } from "#rollback";
import { progressLine } from "#rollback";
import type { Clock } from "#runtime";
import { paint } from "../terminal.js";
import { inWords, shellWords } from "./describe-plan.js";
import { standingLines } from "./standing-lines.js";

/** The stream that a screen is drawn on. */
type ScreenStream = NodeJS.WriteStream;

/** Follows a run for people. */
interface RunScreen {
  observe(event: RunEvent): void;
  standing(step: string, detail: StepDetail): void;
  progress(update: ProgressUpdate): void;
  /** Leaves the list as it stands; nothing is drawn afterwards. */
  end(): void;
}

interface Row {
  readonly id: string;
  readonly title: string;
  readonly commands: readonly (readonly string[])[];
  state: "waiting" | "running" | "done" | "found-done" | "failed" | "undone";
  beganMs: number | null;
  tookMs: number | null;
  note: string | null;
}

const FRAME_MS = 120;
const SPINNER = ["|", "/", "-", "\\"] as const;
const DETAIL_LINES = 8;
/** A standing that changes all the time is one line every so often where nothing can be redrawn. */
const PLAIN_EVERY_MS = 5_000;

/**
 * A live list of steps with durations, the current command and how the current step stands. Where
 * the stream is no terminal, or `TERM=dumb`, plain lines are written as things happen.
 */
export function createRunScreen(
  plan: RunPlan,
  options: { readonly stream: ScreenStream; readonly clock: Pick<Clock, "now"> },
): RunScreen {
  const live = options.stream.isTTY && process.env.TERM !== "dumb";
  return live ? liveScreen(plan, options) : plainScreen(options);
}

function plainScreen({
  stream,
  clock,
}: {
  readonly stream: ScreenStream;
  readonly clock: Pick<Clock, "now">;
}): RunScreen {
  let shownMs = 0;
  let shown = "";
  const say = (line: string) => void stream.write(`${line}\n`);
  const now = (lines: readonly string[]) => {
    const text = lines.map((line) => `    ${line}`).join("\n");
    if (text === "" || text === shown || clock.now() - shownMs < PLAIN_EVERY_MS) return;
    shownMs = clock.now();
    shown = text;
    say(text);
  };
  return {
    observe(event) {
      if (event.event === "taking-back") {
        say(`taking back to ${event.plan.to}: ${event.failure.message}`);
        return;
      }
      const { title, detail } = event;
      const took = typeof detail?.durationMs === "number" ? ` (${inWords(detail.durationMs)})` : "";
      if (event.event === "intent") say(`${title} …`);
      if (event.event === "done") say(`${title}: done${took}`);
      if (event.event === "found-done") say(`${title}: done already`);
      if (event.event === "failed")
        say(`${title}: FAILED${took}: ${String(detail?.message ?? "")}`);
      if (event.event === "undone") say(`taken back: ${title}`);
    },
    standing: (_, detail) => now(standingLines(detail)),
    progress: (update) => now([progressLine(update, { elapsedMs: 0, since: update.done })]),
    end: () => undefined,
  };
}

function liveScreen(
  plan: RunPlan,
  { stream, clock }: { readonly stream: ScreenStream; readonly clock: Pick<Clock, "now"> },
): RunScreen {
  let rows = rowsOf(plan);
  let title = "";
  let details: readonly string[] = [];
  let drawn = 0;
  let frame = 0;
  let over = false;

  const draw = () => {
    if (over) return;
    const lines = screenLines({ rows, title, details, frame: frame++, nowMs: clock.now(), stream });
    const width = stream.columns || 80;
    stream.write(
      `${up(drawn)}${lines.map((line) => `${clip(line, width)}\u001b[K\n`).join("")}\u001b[J`,
    );
    drawn = lines.length;
  };
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  return {
    observe(event) {
      if (event.event === "taking-back") {
        draw();
        drawn = 0;
        title = `Taking back to ${event.plan.to}, because ${event.failure.message}`;
        rows = rowsOf(event.plan);
        return;
      }
      const row = rows.find((one) => one.id === event.step);
      if (row !== undefined) apply(row, event, clock.now());
      details = [];
      draw();
    },
    standing(_, detail) {
      details = standingLines(detail).slice(0, DETAIL_LINES);
    },
    progress(update) {
      const row = rows.find((one) => one.state === "running");
      const elapsedMs = clock.now() - (row?.beganMs ?? clock.now());
      details = [progressLine(update, { elapsedMs, since: 0 })];
    },
    end() {
      draw();
      over = true;
      clearInterval(timer);
    },
  };
}

function rowsOf(plan: RunPlan): Row[] {
  return plan.steps.map(({ id, title, commands }) => ({
    ...{ id, title, commands, state: "waiting" as const },
    ...{ beganMs: null, tookMs: null, note: null },
  }));
}

function apply(row: Row, event: Exclude<RunEvent, { event: "taking-back" }>, nowMs: number): void {
  const { detail } = event;
  row.state = event.event === "intent" ? "running" : event.event;
  if (event.event === "intent") row.beganMs = nowMs;
  if (typeof detail?.durationMs === "number") row.tookMs = detail.durationMs;
  if (event.event === "failed") row.note = String(detail?.message ?? "");
}

function screenLines(view: {
  readonly rows: readonly Row[];
  readonly title: string;
  readonly details: readonly string[];
  readonly frame: number;
  readonly nowMs: number;
  readonly stream: ScreenStream;
}): readonly string[] {
  const { rows, title, details, frame, nowMs, stream } = view;
  const spinner = SPINNER[frame % SPINNER.length] ?? "|";
  return [
    ...(title === "" ? [] : [paint("yellow", title, stream)]),
    ...rows.flatMap((row) => {
      const tookMs = row.tookMs ?? (row.beganMs === null ? null : nowMs - row.beganMs);
      const took = tookMs === null || row.state === "waiting" ? "" : `  ${inWords(tookMs)}`;
      const line = `${markOf(row, spinner, stream)} ${row.title}${paint("dim", took, stream)}`;
      if (row.state === "failed") return [line, `    ${paint("red", row.note ?? "", stream)}`];
      if (row.state !== "running") return [line];
      const command = row.commands[0];
      const shown = [...(command === undefined ? [] : [`$ ${shellWords(command)}`]), ...details];
      return [line, ...shown.map((text) => `    ${paint("dim", text, stream)}`)];
    }),
  ];
}

function markOf(row: Row, spinner: string, stream: ScreenStream): string {
  switch (row.state) {
    case "waiting":
      return paint("dim", ".", stream);
    case "running":
      return paint("yellow", spinner, stream);
    case "failed":
      return paint("red", "x", stream);
    case "undone":
      return paint("yellow", "<", stream);
    default:
      return paint("green", "+", stream);
  }
}

const up = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A\r`);

/** A line that would wrap would leave half of itself behind when it is drawn again. */
function clip(line: string, width: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length < width ? line : `${plain.slice(0, width - 2)}…`;
}
