import type { RoleMessage } from "#runtime";

/** A role to run as a child process. */
export interface RoleSpec {
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** The folder it runs in; the supervisor's own by default. */
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** What later lives get over `env`, from what the first said when it was ready. */
  readonly laterEnv?: (first: ReadyDetail) => Readonly<Record<string, string>>;
  /** Where people reach it. */
  readonly url?: string;
  /** Whether a new one may be warm before the old one stops. */
  readonly switch: "deferred" | "restart";
  /** It writes to the database. */
  readonly writer: boolean;
  /** How long it may take until it is warm or ready, ms. */
  readonly startMs: number;
}

/** What the API and the writer of the stack are told about the ingest log. */
export type IngestEnv = Readonly<Record<string, string>>;

/** What a role said of itself when it was ready, such as its port. */
export type ReadyDetail = Extract<RoleMessage, { type: "ready" }>["detail"];

/** A release as its supervisor runs it. */
export interface HostedRelease {
  /** "dev" for a working tree. */
  readonly tag: string;
  /** The digest of its tree; null for a working tree. */
  readonly digest: string | null;
  /** Its folder; null for a working tree. */
  readonly tree: string | null;
}
