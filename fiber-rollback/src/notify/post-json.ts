import { FiberError } from "#contracts";

/**
 * Posts JSON. The address may itself be a secret, so only its host is told.
 *
 * @throws FiberError NOTIFY_FAILED
 */
export async function postJson(
  url: URL,
  request: { readonly body: string; readonly headers?: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8", ...request.headers },
    body: request.body,
    redirect: "error",
    signal,
  }).catch((cause: Error & { cause?: { code?: string } }) => {
    const why = cause.cause?.code ?? (signal.aborted ? "no answer in time" : cause.name);
    throw new FiberError("NOTIFY_FAILED", `${url.host} cannot be reached: ${why}`, { cause });
  });
  const text = (await response.text().catch(() => "")).slice(0, 200);
  if (response.ok) return;
  throw new FiberError("NOTIFY_FAILED", `${url.host} answers ${response.status} ${text}`.trim());
}

/** A URL of one of these schemes; null for anything else. */
export function readUrl(text: string, schemes: readonly string[]): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return schemes.includes(url.protocol.slice(0, -1)) ? url : null;
}
