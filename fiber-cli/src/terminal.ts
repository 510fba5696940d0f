import { stripVTControlCharacters, styleText } from "node:util";

/** Prints a result on stdout: JSON for machines, else the text for people. */
export function printResult(json: boolean, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

/** Tells people what happens, on stderr: stdout belongs to results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colours a text where its stream is a terminal and NO_COLOR is not set. */
export function paint(
  colour: "green" | "yellow" | "red" | "dim" | "bold",
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  const plain = !stream.isTTY || process.env.NO_COLOR || process.env.TERM === "dumb";
  return plain ? text : styleText(colour, text);
}

/** Aligns rows into columns; the first row is the heading. Colours have no width. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widthOf = (cell = "") => stripVTControlCharacters(cell).length;
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column]))),
  );
  const pad = (cell: string, column: number) =>
    cell + " ".repeat((widths[column] ?? 0) - widthOf(cell));
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Bytes for people, such as "12 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${value >= 10 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** Seconds for people, such as "3 h 5 min". */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
