import { paint } from "./terminal.js";

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** Fields that the line's own layout shows, or that help nobody. */
const SHOWN = new Set(["level", "time", "role", "pid", "msg", "err", "hostname"]);

/** When a log line was written, epoch ms; 0 for a line that does not say. */
export function timeOf(line: string): number {
  const written = parse(line)?.time;
  const epochMs = typeof written === "string" ? Date.parse(written) : Number.NaN;
  return Number.isNaN(epochMs) ? 0 : epochMs;
}

/** One log line for people: time, role, level, message, fields. Other lines stay as they are. */
export function formatLogLine(role: string, line: string): string {
  const entry = parse(line);
  if (entry === null) return `${role}  ${line}`;
  const level = LEVELS[Number(entry.level)] ?? "info";
  const colour =
    level === "error" || level === "fatal" ? "red" : level === "warn" ? "yellow" : "dim";
  const fields = Object.entries(entry)
    .filter(([name]) => !SHOWN.has(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const time = typeof entry.time === "string" ? entry.time.slice(11, 23) : "";
  const text = [
    paint("dim", time),
    role,
    paint(colour, level),
    String(entry.msg ?? ""),
    ...fields,
  ].join("  ");
  const stack = (entry.err as { stack?: unknown } | undefined)?.stack;
  return typeof stack === "string" ? `${text}\n${stack.replaceAll(/^/gm, "    ")}` : text;
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
