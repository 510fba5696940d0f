import { ApiError, readErrorAnswer } from "./api-error.js";
import { liveStatus } from "./live-status.js";

const TIMEOUT_MS = 20_000;

/**
 * Reads JSON from the API. `T` is the contract's type of that path: the server is held to it by
 * the contract tests, the browser trusts it.
 *
 * @throws ApiError with the API's code, message and request id; UNREACHABLE without an answer
 */
export async function fetchJson<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await reach(path, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
  if (!response.ok) throw await readErrorAnswer(response, path);
  try {
    const answer = (await response.json()) as T;
    liveStatus.heard();
    return answer;
  } catch (cause) {
    throw new ApiError("BAD_ANSWER", path, {
      status: response.status,
      requestId: response.headers.get("x-request-id"),
      cause,
    });
  }
}

async function reach(path: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(path, { signal, headers: { accept: "application/json" } });
  } catch (cause) {
    throw new ApiError("UNREACHABLE", path, { status: 0, requestId: null, cause });
  }
}
