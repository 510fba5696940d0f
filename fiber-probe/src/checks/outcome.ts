/** Parts of a probe's time in ms, by name: dns_ms, connect_ms, tls_ms, first_byte_ms, banner_ms. */
export type Phases = Readonly<Record<string, number>>;

/** What else a probe learned: an HTTP status, a certificate's expiry. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** What came of one probe. Only `unable` is not loss: there the probe itself could not measure. */
export type Outcome =
  | {
      readonly kind: "answered";
      /** What the check calls its round trip (docs/probe.md), ms. */
      readonly rttMs: number;
      readonly phases?: Phases;
      readonly facts?: Facts;
    }
  | { readonly kind: "timeout"; readonly afterMs: number }
  | { readonly kind: "refused"; readonly afterMs: number; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly facts?: Facts }
  | { readonly kind: "unable"; readonly reason: string };

/** An outcome without an answer. */
export type NoAnswer = Exclude<Outcome, { kind: "answered" }>;

/** Errors of the machine that measures, not of the target: out of sockets, memory or rights. */
const OWN_ERRORS: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EACCES",
  "EPERM",
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
]);

/** Sorts a socket's error; `startedMs` is performance.now() at the start of the probe. */
export function outcomeOfError(error: unknown, startedMs: number): NoAnswer {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const afterMs = performance.now() - startedMs;
  if (code === "ETIMEDOUT") return { kind: "timeout", afterMs };
  if (code === "ECONNREFUSED") return { kind: "refused", afterMs, reason: "connection refused" };
  const reason = describe(code, message);
  return code !== undefined && OWN_ERRORS.has(code)
    ? { kind: "unable", reason }
    : { kind: "failed", reason };
}

function describe(code: string | undefined, message: string | undefined): string {
  if (code === "ECONNRESET") return "connection reset";
  if (code === "ENOTFOUND") return "name does not resolve (ENOTFOUND)";
  if (code === "EAI_AGAIN") return "name could not be resolved (EAI_AGAIN)";
  return (message || code || "unknown error").slice(0, 200);
}
