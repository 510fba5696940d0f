/**
 * The few messages of PostgreSQL's extended query protocol that the hot path sends itself, so
 * that one batch is one write and one round trip (PostgreSQL manual, "Message Formats").
 */

/** Ends an implicit transaction: the answer to it is the proof of the commit. */
export const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

/** Ends copy-in data: the binary trailer's CopyData part, then CopyDone. */
export const COPY_END = Buffer.from([0xff, 0xff, 0x63, 0, 0, 0, 4]);

const COPY_SIGNATURE = Buffer.concat([
  Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"),
  Buffer.alloc(8),
]);
const TRAILER_BYTES = 2;

/** Names a statement for later Bind messages. */
export function parseMessage(name: string, sql: string): Buffer {
  return message("P", [cString(name), cString(sql), int16(0)]);
}

/** Runs a named statement with parameters in text format. */
export function runWithTexts(name: string, params: readonly string[]): Buffer {
  const values = params.flatMap((param) => {
    const bytes = Buffer.from(param, "utf8");
    return [int32(bytes.length), bytes];
  });
  const bind = [cString(""), cString(name), int16(0), int16(params.length), ...values, int16(0)];
  return Buffer.concat([message("B", bind), EXECUTE]);
}

/** Runs a named statement with binary parameters, each preceded by its length word. */
export function runWithBinary(name: string, params: readonly Buffer[]): readonly Buffer[] {
  const head = Buffer.concat([
    cString(""),
    cString(name),
    int16(1),
    int16(1),
    int16(params.length),
  ]);
  const tail = int16(0);
  const size = params.reduce((sum, param) => sum + param.length, 4 + head.length + tail.length);
  return [Buffer.from("B"), int32(size), head, ...params, tail, EXECUTE];
}

/** The head of one CopyData message that carries `rowBytes` of rows and, after them, the trailer. */
export function copyHead(rowBytes: number): Buffer {
  const head = Buffer.allocUnsafe(5 + COPY_SIGNATURE.length);
  head[0] = 0x64;
  head.writeInt32BE(4 + COPY_SIGNATURE.length + rowBytes + TRAILER_BYTES, 1);
  COPY_SIGNATURE.copy(head, 5);
  return head;
}

function message(type: string, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, "latin1"), int32(body.length + 4), body]);
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf8");
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Execute of the unnamed portal, all rows. */
const EXECUTE = message("E", [cString(""), int32(0)]);
