import { FiberError } from "#contracts";

/** Why an answer of the API could not be had; `status` 0 means that no answer came at all. */
export class ApiError extends FiberError {
  readonly status: number;
  /** To quote when asking for help; null where no server was reached. */
  readonly requestId: string | null;

  constructor(
    code: string,
    message: string,
    about: { status: number; requestId: string | null; retryAfterS?: number; cause?: unknown },
  ) {
    const { status, requestId, retryAfterS, cause } = about;
    super(code, message, {
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
    });
    this.name = "ApiError";
    this.status = status;
    this.requestId = requestId;
  }
}

/** Reads an error answer: the API's envelope where there is one. */
export async function readErrorAnswer(response: Response, path: string): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const fields = (typeof body === "object" && body !== null ? body : {}) as Partial<
    Record<"code" | "message" | "request_id", unknown>
  >;
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(
    typeof fields.code === "string" ? fields.code : "BAD_ANSWER",
    typeof fields.message === "string" ? fields.message : path,
    {
      status: response.status,
      requestId:
        typeof fields.request_id === "string"
          ? fields.request_id
          : response.headers.get("x-request-id"),
      ...(Number.isFinite(retryAfterS) ? { retryAfterS } : {}),
    },
  );
}
