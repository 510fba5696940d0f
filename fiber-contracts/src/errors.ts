/**
 * Every error code the product answers or prints, with the HTTP status that carries it.
 * One table, so that a code never means two things.
 */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  INVALID_SAMPLE: 400,
  TIMESTAMP_TOO_NEW: 400,
  TIMESTAMP_TOO_OLD: 400,
  METADATA_TOO_LARGE: 400,
  MALFORMED_BATCH: 400,
  MALFORMED_JSON: 400,
  NESTING_TOO_DEEP: 400,
  WINDOW_TOO_LARGE: 400,
  INVALID_WINDOW: 400,
  INVALID_CURSOR: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NODE_MISMATCH: 403,
  NODE_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  NODE_EXISTS: 409,
  NODE_DELETED: 410,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  OVERLOADED: 503,
  INGEST_FENCED: 503,
  DATABASE_UNAVAILABLE: 503,
  SCHEMA_BEHIND: 503,
  SCHEMA_AHEAD: 503,
  SCHEMA_INCONSISTENT: 503,
  QUEUE_UNAVAILABLE: 503,
  QUEUE_FULL: 503,
  SHUTTING_DOWN: 503,
  AGENT_UNREACHABLE: 503,
  API_UNREACHABLE: 502,
} as const;

/** A code that travels in an error answer. */
export type ErrorCode = keyof typeof ERROR_STATUS;

/**
 * The only error class that code outside `fiber-contracts` throws on purpose.
 * `message` says what failed, on what, and what to do; `code` is for machines.
 * Codes of the command line that never travel over HTTP are plain strings.
 */
export class FiberError extends Error {
  readonly code: string;
  /** Seconds to wait before a retry, where a retry can help. */
  readonly retryAfterS: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; retryAfterS?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FiberError";
    this.code = code;
    this.retryAfterS = options.retryAfterS;
  }
}
