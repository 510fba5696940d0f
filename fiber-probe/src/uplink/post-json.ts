import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { packageVersion } from "#runtime";

/** What came of a POST. */
export type PostResult =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly retryAfter: string | undefined;
      /** The body as JSON, null when it is none or longer than a megabyte. */
      readonly body: unknown;
    }
  | { readonly kind: "unreachable"; readonly reason: string };

/** Posts JSON texts over kept-alive connections. Never rejects. */
export interface JsonPoster {
  post(
    url: string,
    options: { readonly token: string; readonly body: string; readonly signal: AbortSignal },
  ): Promise<PostResult>;
  close(): void;
}

const REQUEST_TIMEOUT_MS = 30_000;
const NO_ANSWER = `no answer within ${REQUEST_TIMEOUT_MS / 1_000} s`;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** See {@link JsonPoster}. */
export function createJsonPoster(): JsonPoster {
  const plain = new HttpAgent({ keepAlive: true, maxSockets: 2 });
  const secure = new HttpsAgent({ keepAlive: true, maxSockets: 2 });
  return {
    post: (url, { token, body, signal }) =>
      new Promise((resolve) => {
        const isSecure = url.startsWith("https:");
        const unreachable = (error: NodeJS.ErrnoException) =>
          resolve({ kind: "unreachable", reason: describe(error) });
        const sent = (isSecure ? httpsRequest : httpRequest)(url, {
          method: "POST",
          agent: isSecure ? secure : plain,
          signal,
          headers: {
            authorization: `Bearer ${token}`,
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
            "user-agent": `fiber-probe/${packageVersion}`,
          },
        });
        const late = setTimeout(() => sent.destroy(new Error(NO_ANSWER)), REQUEST_TIMEOUT_MS);
        sent.once("close", () => clearTimeout(late));
        sent.once("error", unreachable);
        sent.once("response", (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
          });
          response.once("error", unreachable);
          response.once("end", () =>
            resolve({
              kind: "answered",
              status: response.statusCode ?? 0,
              retryAfter: response.headers["retry-after"],
              body: size > MAX_ANSWER_BYTES ? null : parseJson(Buffer.concat(chunks).toString()),
            }),
          );
        });
        sent.end(body);
      }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

function describe(error: NodeJS.ErrnoException): string {
  return error.code === undefined ? error.message : `${error.code}: ${error.message}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
