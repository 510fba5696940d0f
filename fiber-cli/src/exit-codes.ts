/** What the command's exit code means; the only place where error codes become exit codes. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  rolledBack: 4,
  locked: 75,
} as const;

const CODES: Readonly<Record<string, number>> = {
  USAGE: EXIT.usage,
  BAD_REQUEST: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  ANSWER_NEEDED: EXIT.usage,
  PORT_TAKEN: EXIT.refused,
  PORT_UNUSABLE: EXIT.refused,
  SCHEMA_AHEAD: EXIT.refused,
  SCHEMA_INCONSISTENT: EXIT.refused,
  MIGRATION_EDITED: EXIT.refused,
  MIGRATION_MISSING: EXIT.refused,
  DATABASE_VERSION: EXIT.refused,
  STATE_FOLDER_UNUSABLE: EXIT.refused,
  POSTGRES_USER_UNUSABLE: EXIT.refused,
  NODE_NOT_FOUND: EXIT.refused,
  TOKEN_NOT_FOUND: EXIT.refused,
  TARGET_NOT_FOUND: EXIT.refused,
  TARGET_EXISTS: EXIT.refused,
  DECLINED: EXIT.refused,
  LOSS_REFUSED: EXIT.refused,
  MANIFEST_TOO_NEW: EXIT.refused,
  MANIFEST_INVALID: EXIT.refused,
  MANIFEST_MISMATCH: EXIT.refused,
  CHECKSUM_MISMATCH: EXIT.refused,
  DUMP_MISSING: EXIT.refused,
  DUMP_EMPTY: EXIT.refused,
  DUMP_NOT_CUSTOM: EXIT.refused,
  DUMP_TOO_NEW: EXIT.refused,
  DUMP_DAMAGED: EXIT.refused,
  DUMP_FOREIGN: EXIT.refused,
  DUMP_ENCRYPTED: EXIT.refused,
  DUMP_UNREADABLE: EXIT.refused,
  DATABASE_MISSING: EXIT.refused,
  RESTORE_NO_RIGHTS: EXIT.refused,
  RESTORE_UNFINISHED: EXIT.refused,
  RESTORE_NOT_FOUND: EXIT.refused,
  RESTORE_PAST_PIVOT: EXIT.refused,
  RESTORE_NAME_TAKEN: EXIT.refused,
  RESTORE_DIFFERS: EXIT.refused,
  QUARANTINE_NOT_FOUND: EXIT.refused,
  SWAP_BLOCKED: EXIT.refused,
  PLAN_TOO_NEW: EXIT.refused,
  LOCKED: EXIT.locked,
  STACK_RUNNING: EXIT.locked,
  MIGRATION_LOCKED: EXIT.locked,
  LOCK_TIMEOUT: EXIT.locked,
};

/** The exit code for an error: that of its `code`, else 1. */
export function exitCodeFor(err: unknown): number {
  const code = (err as { code?: unknown } | null)?.code;
  return typeof code === "string" ? (CODES[code] ?? EXIT.failed) : EXIT.failed;
}
