import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const ID_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;
const start = randomBytes(6).toString("hex");
let made = 0;

/** An id from a header where it is plain and short enough to be logged and echoed, else null. */
function takenId(header: string | readonly string[] | undefined): string | null {
  return typeof header === "string" && ID_PATTERN.test(header) ? header : null;
}

/** A new id: this process's random start and a counter. */
export function makeId(): string {
  made += 1;
  return `${start}-${made.toString(36)}`;
}

/** The ids of a request: taken from `X-Request-ID` and `X-Trace-ID` where usable, else made. */
export function requestIds(headers: IncomingHttpHeaders): { requestId: string; traceId: string } {
  const requestId = takenId(headers["x-request-id"]) ?? makeId();
  return { requestId, traceId: takenId(headers["x-trace-id"]) ?? requestId };
}
