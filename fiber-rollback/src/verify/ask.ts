import { FiberError } from "#contracts";
import type { VerifyContext } from "./verify-context.js";

/** How long an answer may take, ms. */
const ANSWER_MS = 5_000;

/** What a URL answered. */
export type Answer =
  | {
      readonly kind: "answered";
      readonly url: string;
      readonly status: number;
      readonly type: string;
      readonly text: string;
    }
  | { readonly kind: "unreachable"; readonly url: string; readonly why: string };

/**
 * Replaces `$NAME` and `${NAME}` in an address of fiber.yaml.
 *
 * @throws FiberError VERIFY_UNSET naming the variable
 */
export function fillAddress(address: string, env: Readonly<Record<string, string>>): string {
  const variable = /\$(?:\{([A-Z][A-Z0-9_]*)\}|([A-Z][A-Z0-9_]*))/g;
  return address.replaceAll(variable, (_, braced: string | undefined, plain: string) => {
    const name = braced ?? plain;
    const value = env[name];
    if (value !== undefined && value !== "") return value;
    throw new FiberError(
      "VERIFY_UNSET",
      `${address} in fiber.yaml needs ${name}, which is not set`,
    );
  });
}

/** Asks a URL once, as someone who may read; a status is an answer, whatever it is. */
export async function ask(
  url: string,
  context: Pick<VerifyContext, "token">,
  signal: AbortSignal,
): Promise<Answer> {
  const headers = context.token === null ? {} : { authorization: `Bearer ${context.token}` };
  try {
    return await withinTime(signal, async (own) => {
      const response = await fetch(url, { headers, signal: own });
      return {
        kind: "answered",
        url,
        status: response.status,
        type: response.headers.get("content-type") ?? "",
        text: await response.text(),
      };
    });
  } catch (cause) {
    return { kind: "unreachable", url, why: whyOf(cause) };
  }
}

/**
 * Settles when the work does, when its time is over, or when the signal aborts, whichever is first.
 * With a timer and a signal of its own: Node 20 can lose one that AbortSignal.any or .timeout made,
 * and a request that is given up half-way does not always settle; the process then ended in the
 * middle of a run, with exit code 13.
 */
function withinTime<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const giveUp = (why: unknown) => {
      own.abort(why);
      reject(why);
    };
    const abort = () => giveUp(signal.reason);
    const timer = setTimeout(
      () => giveUp(new Error(`no answer within ${ANSWER_MS / 1_000} s`)),
      ANSWER_MS,
    );
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    work(own.signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
      });
  });
}

/** The body as JSON, null when it is none. */
export function jsonOf(answer: Answer): unknown {
  if (answer.kind === "unreachable") return null;
  try {
    return JSON.parse(answer.text);
  } catch {
    return null;
  }
}

/** An answer in a few words, for people. */
export function describeAnswer(answer: Answer): string {
  if (answer.kind === "unreachable") return `${answer.url} cannot be reached: ${answer.why}`;
  const body = jsonOf(answer) as { code?: unknown; message?: unknown } | null;
  const words = [body?.code, body?.message].filter((word) => typeof word === "string");
  return `${answer.url} answers ${[answer.status, ...words].join(" ")}`;
}

function whyOf(cause: unknown): string {
  const inner = (cause as { cause?: { code?: unknown; message?: unknown } }).cause;
  if (typeof inner?.code === "string") return inner.code;
  if ((cause as Error).name === "TimeoutError") return `no answer within ${ANSWER_MS / 1_000} s`;
  return (cause as Error).message;
}
