import { PUSH_LIMITS } from "#contracts";

/** A push as its probe sends it all day: whole, in one piece, with nothing about it to decide. */
export interface PlainRequest {
  readonly token: string;
  readonly headers: {
    readonly "x-request-id"?: string | undefined;
    readonly "x-trace-id"?: string | undefined;
  };
  /** A view into the bytes that were read. */
  readonly body: Buffer;
}

const START = Buffer.from("POST /api/push HTTP/1.1\r\n");
const HEAD_END = "\r\n\r\n";
const LONGEST_HEAD = 4_096;
/** Lines of one token, a colon, and visible ASCII. */
const LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)+$/;
const LENGTH = /^\d{1,7}$/;
const BEARER = /^Bearer [\x21-\x7e]+$/;

/** Headers that change where the body ends, what it is, or what comes after it. */
const NOT_PLAIN = new Set([
  "transfer-encoding",
  "content-encoding",
  "expect",
  "upgrade",
  "trailer",
]);
/** Headers that are read here. Twice the same one is for node:http to judge. */
const READ = new Set([
  "host",
  "authorization",
  "content-type",
  "content-length",
  "connection",
  "x-request-id",
  "x-trace-id",
]);

/**
 * Reads bytes that are exactly one plain push: HTTP/1.1, a bearer token, JSON of a stated length
 * that is not compressed, on a connection that is to stay. Null for anything else, however little
 * it differs: what is not understood to the last byte is left to node:http.
 */
export function readPlainRequest(bytes: Buffer): PlainRequest | null {
  if (!bytes.subarray(0, START.length).equals(START)) return null;
  const headEnd = bytes.subarray(0, LONGEST_HEAD).indexOf(HEAD_END, START.length, "latin1");
  if (headEnd < 0) return null;
  const body = bytes.subarray(headEnd + HEAD_END.length);
  const headers = readHeaders(bytes.toString("latin1", START.length, headEnd + 2));
  if (headers === null) return null;
  const length = headers.get("content-length") ?? "";
  if (!LENGTH.test(length) || Number(length) !== body.length) return null;
  if (body.length > PUSH_LIMITS.bodyBytes || !headers.has("host")) return null;
  if (headers.get("content-type") !== "application/json") return null;
  if ((headers.get("connection") ?? "keep-alive").toLowerCase() !== "keep-alive") return null;
  const authorization = headers.get("authorization") ?? "";
  if (!BEARER.test(authorization)) return null;
  return {
    token: authorization.slice("Bearer ".length),
    headers: {
      "x-request-id": headers.get("x-request-id"),
      "x-trace-id": headers.get("x-trace-id"),
    },
    body,
  };
}

/** The headers of {@link READ} by name; null when a line is no plain header. */
function readHeaders(head: string): ReadonlyMap<string, string> | null {
  if (!LINES.test(head)) return null;
  const headers = new Map<string, string>();
  let at = 0;
  while (at < head.length) {
    const colon = head.indexOf(":", at);
    const end = head.indexOf("\r\n", colon);
    const name = head.slice(at, colon).toLowerCase();
    if (NOT_PLAIN.has(name)) return null;
    if (READ.has(name)) {
      if (headers.has(name)) return null;
      headers.set(name, head.slice(colon + 1, end).trim());
    }
    at = end + 2;
  }
  return headers;
}
