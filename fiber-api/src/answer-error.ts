import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from "fastify";
import {
  ERROR_STATUS,
  type ErrorBody,
  type ErrorCode,
  FiberError,
  type IngestTrace,
  type RejectedSample,
} from "#contracts";
import { isConnectionError } from "#db";
import { makeId } from "./request-ids.js";

/** An error as it is answered. */
export interface ErrorAnswer {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterS?: number | undefined;
  readonly rejected?: readonly RejectedSample[];
}

const FASTIFY_CODES: Readonly<Record<string, ErrorAnswer>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: "PAYLOAD_TOO_LARGE", message: "The body is too large" },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: "UNSUPPORTED_MEDIA_TYPE",
    message: "Send the body as Content-Type: application/json",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: "BAD_REQUEST",
    message: "The body is not as long as its Content-Length says",
  },
};

// The schema is not the one these queries were written for: undefined table, column, function,
// schema, and a cached plan whose result type changed.
const SCHEMA_STATES = new Set(["42P01", "42703", "42883", "3F000", "0A000"]);

// character_not_in_repertoire, untranslatable_character, invalid text of a jsonb.
const UNSTORABLE_TEXT = new Set(["22021", "22P05", "22P02"]);

/** The one place where errors become answers: no stack, no SQL, nothing of the driver's. */
export function toErrorAnswer(err: unknown): ErrorAnswer {
  if (err instanceof FiberError) {
    return err.code in ERROR_STATUS
      ? { code: err.code as ErrorCode, message: err.message, retryAfterS: err.retryAfterS }
      : { code: "INTERNAL", message: "Something failed here; the log has the request id" };
  }
  if (isConnectionError(err)) {
    return {
      code: "DATABASE_UNAVAILABLE",
      message: "The database cannot be reached just now",
      retryAfterS: 5,
    };
  }
  const { code, validation, statusCode, message } = err as Partial<FastifyError>;
  if (typeof code === "string") {
    const known = FASTIFY_CODES[code];
    if (known !== undefined) return known;
    if (SCHEMA_STATES.has(code)) {
      return {
        code: "SCHEMA_INCONSISTENT",
        message: "The database's schema does not fit this release; /api/status names the remedy",
        retryAfterS: 5,
      };
    }
    if (UNSTORABLE_TEXT.has(code)) {
      return {
        code: "BAD_REQUEST",
        message: "A text holds a NUL character or a broken surrogate pair, which cannot be stored",
      };
    }
    if (code === "57014") {
      return { code: "OVERLOADED", message: "The query took too long", retryAfterS: 5 };
    }
  }
  if (validation !== undefined) return { code: "BAD_REQUEST", message: message ?? "Bad request" };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { code: "BAD_REQUEST", message: message ?? "Bad request" };
  }
  return { code: "INTERNAL", message: "Something failed here; the log has the request id" };
}

/** The envelope of an error, as text. */
export function errorText(answer: ErrorAnswer, requestId: string): string {
  const body: ErrorBody = {
    status: "error",
    code: answer.code,
    message: answer.message,
    request_id: requestId,
    ...(answer.rejected === undefined ? {} : { rejected: [...answer.rejected] }),
  };
  return JSON.stringify(body);
}

/** Sends an error in the envelope, with its status and Retry-After. */
export function sendError(request: FastifyRequest, reply: FastifyReply, answer: ErrorAnswer) {
  if (answer.retryAfterS !== undefined) reply.header("retry-after", answer.retryAfterS);
  return reply
    .code(ERROR_STATUS[answer.code])
    .header("content-type", "application/json; charset=utf-8")
    .send(errorText(answer, request.id));
}

/** Only what we did not expect is logged as an error, with its stack. */
export function logFailure(
  log: FastifyBaseLogger,
  { requestId, traceId }: IngestTrace,
  { code }: ErrorAnswer,
  err: unknown,
): void {
  const fields = { requestId, traceId, code };
  if (code === "INTERNAL") log.error({ ...fields, err }, "request failed");
  else if (ERROR_STATUS[code] >= 500) log.warn({ ...fields, err }, "request refused");
}

/** Fastify's error handler. */
export function answerError(err: unknown, request: FastifyRequest, reply: FastifyReply) {
  const answer = toErrorAnswer(err);
  logFailure(request.log, { requestId: request.id, traceId: request.traceId }, answer, err);
  return sendError(request, reply, answer);
}

/** Answers what is not HTTP at all, or took too long to arrive; then the connection ends. */
export function answerBrokenRequest(err: Error & { code?: string }, socket: Socket): void {
  if (socket.destroyed || err.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const tooLarge = err.code === "HPE_HEADER_OVERFLOW";
  const status = tooLarge ? 431 : err.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const body = JSON.stringify({
    status: "error",
    code: "BAD_REQUEST",
    message: tooLarge ? "The headers are too large" : "This is not a request that can be read",
    request_id: makeId(),
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
