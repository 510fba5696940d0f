import { createHash } from "node:crypto";
import { FiberError } from "#contracts";
import { splitStatements } from "./split-statements.js";

/** Whether taking a migration back loses what cannot be computed again. */
export type MigrationKind = "reversible" | "lossy";

/** One numbered step of the schema, with its way back. */
export interface Migration {
  /** Four digits, such as "0004". */
  readonly revision: string;
  /** From the file name, such as "posture_and_fence". */
  readonly slug: string;
  readonly kind: MigrationKind;
  /** Why it is of that kind. */
  readonly why: string;
  /** False for files marked `-- transaction: none`; these hold one statement each way. */
  readonly transactional: boolean;
  readonly upSql: string;
  readonly downSql: string;
  /** SHA-256 of the SQL, in hex; line ends do not count. */
  readonly upChecksum: string;
  readonly downChecksum: string;
  /** How many lines precede the up part in its file. */
  readonly upLine: number;
}

/** The title that `history` prints: the slug with spaces. */
export function migrationTitle(migration: { readonly slug: string }): string {
  return migration.slug.replaceAll("_", " ");
}

/**
 * Reads one migration file: `-- kind: reversible|lossy: why`, optionally `-- transaction: none`,
 * then `-- up` and `-- down`, each followed by SQL.
 *
 * @throws FiberError MIGRATION_INVALID
 */
export function parseMigration(fileName: string, text: string): Migration {
  const invalid = (problem: string) =>
    new FiberError("MIGRATION_INVALID", `Migration ${fileName}: ${problem}.`);
  const named = /^(\d{4})_([a-z0-9]+(?:_[a-z0-9]+)*)\.sql$/.exec(fileName);
  if (!named) throw invalid("the name must be like 0005_what_it_does.sql");
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const up = lines.indexOf("-- up");
  const down = lines.indexOf("-- down");
  if (up < 0 || down < up) throw invalid('it needs a line "-- up" and after it a line "-- down"');
  if (lines.indexOf("-- up", up + 1) >= 0 || lines.indexOf("-- down", down + 1) >= 0) {
    throw invalid('the lines "-- up" and "-- down" may stand there once');
  }

  const header = parseHeader(lines.slice(0, up), invalid);
  const upSql = lines
    .slice(up + 1, down)
    .join("\n")
    .trim();
  const downSql = lines
    .slice(down + 1)
    .join("\n")
    .trim();
  const migration: Migration = {
    revision: named[1] ?? "",
    slug: named[2] ?? "",
    ...header,
    upSql,
    downSql,
    upChecksum: sha256(upSql),
    downChecksum: sha256(downSql),
    upLine: up + 1,
  };
  checkPart("up", upSql, header.transactional, invalid);
  checkPart("down", downSql, header.transactional, invalid);
  return migration;
}

/** SHA-256 of a text, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

type Invalid = (problem: string) => FiberError;

function parseHeader(
  lines: readonly string[],
  invalid: Invalid,
): Pick<Migration, "kind" | "why" | "transactional"> {
  let kind: Pick<Migration, "kind" | "why"> | null = null;
  let transactional = true;
  for (const line of lines) {
    const stated = /^-- kind: (reversible|lossy): (\S.*)$/.exec(line);
    if (stated) kind = { kind: stated[1] as MigrationKind, why: stated[2] ?? "" };
    else if (line === "-- transaction: none") transactional = false;
    else if (!/^\s*$|^--(?! (?:kind|transaction))/.test(line)) {
      throw invalid(`"${line}" before "-- up" is not understood`);
    }
  }
  if (!kind) throw invalid('it needs a line "-- kind: reversible: why" or "-- kind: lossy: why"');
  return { ...kind, transactional };
}

function checkPart(part: string, sql: string, transactional: boolean, invalid: Invalid): void {
  const statements = splitStatements(sql);
  if (statements.length === 0) throw invalid(`its ${part} part holds no statement`);
  if (!transactional && statements.length > 1) {
    throw invalid(
      `without a transaction its ${part} part must hold one statement, not ${statements.length}`,
    );
  }
  for (const { text } of statements) {
    if (
      /^(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b/i.test(text)
    ) {
      throw invalid(`its ${part} part begins or ends a transaction, which is the runner's work`);
    }
    if (transactional && /^(?:CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b/i.test(text)) {
      throw invalid('CONCURRENTLY needs a line "-- transaction: none" and a file of its own');
    }
  }
}
