/** Arithmetic on WAL segment names: timeline, log and segment, eight hex digits each. */

/** The segment after one. */
export function nextSegment(name: string, segmentBytes: number): string {
  return segmentAt(name.slice(0, 8), segmentNumber(name, segmentBytes) + 1n, segmentBytes);
}

/** The segment in which a position of the WAL lies. */
export function segmentOf(lsn: string, timeline: number, segmentBytes: number): string {
  return segmentAt(hex(BigInt(timeline)), parseLsn(lsn) / BigInt(segmentBytes), segmentBytes);
}

/** A position such as "0/3000158" as a number of bytes. */
export function parseLsn(lsn: string): bigint {
  const [high = "0", low = "0"] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/**
 * The segments missing between the first and the last that are needed; the last is included.
 *
 * @param present names on the disk
 */
export function missingSegments(
  present: readonly string[],
  needed: { readonly first: string; readonly last: string; readonly segmentBytes: number },
): readonly string[] {
  const there = new Set(present);
  const missing: string[] = [];
  let name = needed.first;
  while (name <= needed.last && missing.length < 100) {
    if (!there.has(name)) missing.push(name);
    name = nextSegment(name, needed.segmentBytes);
  }
  return missing;
}

function segmentNumber(name: string, segmentBytes: number): bigint {
  const log = BigInt(`0x${name.slice(8, 16)}`);
  const inLog = BigInt(`0x${name.slice(16, 24)}`);
  return log * perLog(segmentBytes) + inLog;
}

function segmentAt(timeline: string, number: bigint, segmentBytes: number): string {
  const each = perLog(segmentBytes);
  return `${timeline}${hex(number / each)}${hex(number % each)}`;
}

function perLog(segmentBytes: number): bigint {
  return 0x1_0000_0000n / BigInt(segmentBytes);
}

function hex(value: bigint): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}
