/** Milliseconds of a UTC day. */
export const DAY_MS = 86_400_000;

/** One day's partition of `samples`. */
export interface PartitionDay {
  /** `samples_20261122`. */
  readonly table: string;
  /** Start of the day in epoch ms, UTC. */
  readonly startMs: number;
  readonly endMs: number;
}

/** The UTC day that holds a moment. */
export function partitionDay(timeMs: number): PartitionDay {
  const startMs = Math.floor(timeMs / DAY_MS) * DAY_MS;
  const date = new Date(startMs).toISOString().slice(0, 10).replaceAll("-", "");
  return { table: `samples_${date}`, startMs, endMs: startMs + DAY_MS };
}

/** The days from `daysBack` before to `daysAhead` after the day of `nowMs`, both included. */
export function partitionDays(
  nowMs: number,
  range: { readonly daysBack: number; readonly daysAhead: number },
): readonly PartitionDay[] {
  const days: PartitionDay[] = [];
  for (let day = -range.daysBack; day <= range.daysAhead; day++) {
    days.push(partitionDay(nowMs + day * DAY_MS));
  }
  return days;
}

/** The day that a partition's name stands for, null for any other table. */
export function dayOfTable(table: string): PartitionDay | null {
  const match = /^samples_(\d{4})(\d{2})(\d{2})$/.exec(table);
  if (match === null) return null;
  const day = partitionDay(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  return day.table === table ? day : null;
}
