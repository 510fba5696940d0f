import { FiberError } from "#contracts";

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A length of time such as "90s", "10m", "2h" or "1h30m", in milliseconds.
 *
 * @throws FiberError USAGE
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  const whole = parts.map(([part]) => part).join("") === text && parts.length > 0;
  const ms = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[`${unit}`] ?? 0),
    0,
  );
  if (whole && ms > 0) return ms;
  throw new FiberError("USAGE", `"${text}" is not a length of time: write 90s, 10m, 2h or 1h30m.`);
}
