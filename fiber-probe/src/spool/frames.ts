import { crc32 } from "node:zlib";

/** A frame is 4 bytes of length and 4 of CRC-32 (both little-endian), then the record itself. */
const FRAME_HEADER_BYTES = 8;

/** No sample comes near this; a larger length is damage. */
const MAX_RECORD_BYTES = 1024 * 1024;

/** Records as one run of frames, with the offset (from the start of the run) at which each ends. */
export function encodeFrames(records: readonly string[]): {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
} {
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const record of records) {
    const payload = Buffer.from(record);
    const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt32LE(crc32(payload), 4);
    parts.push(header, payload);
    end += FRAME_HEADER_BYTES + payload.length;
    ends.push(end);
  }
  return { bytes: Buffer.concat(parts), ends };
}

/**
 * Ends of the whole, undamaged frames from the start of a file; what follows the last of them is
 * a torn tail. A length of 0 is damage: a file that lost its tail to a power cut reads as zeros.
 */
export function scanFrames(file: Buffer): readonly number[] {
  const ends: number[] = [];
  let offset = 0;
  while (offset + FRAME_HEADER_BYTES <= file.length) {
    const length = file.readUInt32LE(offset);
    const start = offset + FRAME_HEADER_BYTES;
    if (length === 0 || length > MAX_RECORD_BYTES || start + length > file.length) break;
    const payload = file.subarray(start, start + length);
    if (crc32(payload) !== file.readUInt32LE(offset + 4)) break;
    offset = start + length;
    ends.push(offset);
  }
  return ends;
}

/** The records of a run of whole frames, as {@link encodeFrames} wrote them. */
export function decodeFrames(bytes: Buffer): readonly string[] {
  const records: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const start = offset + FRAME_HEADER_BYTES;
    offset = start + bytes.readUInt32LE(offset);
    records.push(bytes.toString("utf8", start, offset));
  }
  return records;
}
