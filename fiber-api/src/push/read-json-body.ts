import { isUtf8 } from "node:buffer";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FiberError, PUSH_LIMITS } from "#contracts";

const gunzipBounded = promisify(gunzip);

/**
 * A JSON body from its bytes: unpacked when gzipped (no further than `maxBytes`), checked for
 * UTF-8 and nesting before it is parsed.
 *
 * @throws FiberError UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, MALFORMED_JSON, NESTING_TOO_DEEP
 */
export async function readJsonBody(
  bytes: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<unknown> {
  if (encoding === undefined || encoding === "identity") return parseJson(bytes);
  if (encoding.toLowerCase() !== "gzip") {
    throw new FiberError(
      "UNSUPPORTED_MEDIA_TYPE",
      "Content-Encoding must be gzip, or the body sent as it is",
    );
  }
  return parseJson(await unpack(bytes, maxBytes));
}

/** See {@link readJsonBody}; for bodies that came as they are. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new FiberError("MALFORMED_JSON", "The body is not valid UTF-8");
  if (nestsDeeper(bytes, PUSH_LIMITS.nesting)) {
    throw new FiberError(
      "NESTING_TOO_DEEP",
      `The body nests deeper than ${PUSH_LIMITS.nesting} levels`,
    );
  }
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new FiberError("MALFORMED_JSON", "The body is not valid JSON", { cause });
  }
}

async function unpack(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await gunzipBounded(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new FiberError(
        "PAYLOAD_TOO_LARGE",
        `The body unpacks to more than ${maxBytes} bytes; send smaller batches`,
        { cause },
      );
    }
    throw new FiberError("MALFORMED_JSON", "The body is not valid gzip", { cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether JSON text opens more brackets than `max` before closing them; strings are skipped. */
function nestsDeeper(bytes: Buffer, max: number): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++;
      if (depth > max) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}
