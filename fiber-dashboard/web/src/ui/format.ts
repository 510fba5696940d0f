/** What stands for a value that is not known. */
export const UNKNOWN = "–";

/** U+202F: keeps a number and its unit on one line. */
const THIN = "\u202f";

/** A number apart from its unit, for places that set them in different type. */
export interface Measure {
  readonly value: string;
  readonly unit: string;
}

function decimals(value: number): number {
  const size = Math.abs(value);
  if (size === 0 || size >= 100) return 0;
  return size >= 10 ? 1 : 2;
}

function plain(value: number, digits: number, language: string): string {
  return new Intl.NumberFormat(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** Milliseconds with three significant digits: 0.42, 23.4, 187; unknown has no unit. */
export function milliseconds(value: number | null | undefined, language: string): Measure {
  if (value === null || value === undefined) return { value: UNKNOWN, unit: "" };
  return { value: plain(value, decimals(value), language), unit: "ms" };
}

/**
 * A share in percent. Near the ends it never rounds onto them: 99.996 is not 100 and 0.004 is
 * not 0, because "all" and "none" are statements.
 */
export function percent(value: number | null | undefined, language: string): Measure {
  if (value === null || value === undefined) return { value: UNKNOWN, unit: "" };
  if (value > 0 && value < 0.01) return { value: `<${THIN}${plain(0.01, 2, language)}`, unit: "%" };
  if (value > 99.99 && value < 100) {
    return { value: `>${THIN}${plain(99.99, 2, language)}`, unit: "%" };
  }
  const whole = Number.isInteger(value);
  const digits = whole ? 0 : value > 99 || value < 1 ? 2 : 1;
  return { value: plain(value, digits, language), unit: "%" };
}

/** A measure in one string. */
export function text(measure: Measure): string {
  return measure.unit === "" ? measure.value : `${measure.value}${THIN}${measure.unit}`;
}

const STEPS: readonly (readonly [unitMs: number, unit: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

const FRENCH_UNITS: Readonly<Record<string, string>> = { d: "j" };

/** How long: "47 s", "12 min", "2 h 5 min", "3 d 4 h"; never negative. */
export function duration(ms: number, language: string): string {
  const rest = Math.max(0, ms);
  const index = STEPS.findIndex(([unitMs]) => rest >= unitMs);
  const [unitMs, unit] = STEPS[index] ?? [1_000, "s"];
  const count = Math.floor(rest / unitMs);
  const word = (name: string) => (language.startsWith("fr") ? (FRENCH_UNITS[name] ?? name) : name);
  const first = `${count}${THIN}${word(unit)}`;
  const [nextMs, nextUnit] = STEPS[index + 1] ?? [0, ""];
  const smaller = nextMs === 0 || unit === "min" ? 0 : Math.floor((rest % unitMs) / nextMs);
  return smaller === 0 ? first : `${first} ${smaller}${THIN}${word(nextUnit)}`;
}

/** A moment in the reader's own zone, to the second; with its day when that is not today. */
export function moment(iso: string, language: string, nowMs: number): string {
  const date = new Date(iso);
  const today = date.toDateString() === new Date(nowMs).toDateString();
  return new Intl.DateTimeFormat(language, {
    ...(today ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(date);
}
