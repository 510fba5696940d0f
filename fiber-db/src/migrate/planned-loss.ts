import type pg from "pg";
import { type AppliedMigration, appliedMigrations } from "./bookkeeping.js";
import type { MigrateOptions } from "./migrate.js";
import { withConnection } from "./session.js";
import { splitStatements } from "./split-statements.js";
import { downgradeTarget } from "./targets.js";

/** What one lossy way down takes with it. */
export interface LossItem {
  readonly revision: string;
  /** A table, or a table and column as "nodes.region". */
  readonly what: string;
  /** Rows, or values that are not null; null when they cannot be counted. */
  readonly rows: number | null;
  /** True when the count took too long and the planner's estimate stands in. */
  readonly estimated: boolean;
}

/** What a downgrade loses. */
export interface PlannedLoss {
  readonly items: readonly LossItem[];
  /** True when every item was counted and is empty. */
  readonly nothing: boolean;
  /** Releases that applied the migrations to be taken back. */
  readonly releases: readonly string[];
}

/** A statement that loses something, as read from the SQL of a way down. */
export type LossyStatement =
  | { readonly kind: "table"; readonly table: string }
  | { readonly kind: "column"; readonly table: string; readonly column: string }
  | { readonly kind: "uncounted"; readonly text: string };

const COUNT_TIMEOUT_MS = 10_000;
const NAME = '(?:"(?:[^"]|"")+"|[A-Za-z_][\\w$]*)(?:\\.(?:"(?:[^"]|"")+"|[A-Za-z_][\\w$]*))?';
const HARMLESS =
  /^(?:CREATE|COMMENT\s+ON|SET|SELECT\s+set_config|DROP\s+(?:INDEX|VIEW|FUNCTION|PROCEDURE|TRIGGER|TYPE|DOMAIN|STATISTICS)|ALTER\s+(?:INDEX|VIEW|FUNCTION))\b/i;

/**
 * Counts what the lossy ones among the migrations to be taken back would drop. Read-only.
 *
 * @throws FiberError USAGE for a target that cannot be meant
 */
export async function plannedLoss(
  options: Pick<MigrateOptions, "connectionString"> & { readonly target: string },
): Promise<PlannedLoss> {
  return withConnection(options.connectionString, async (db) => {
    const applied = await appliedMigrations(db);
    const undone = applied.slice(downgradeTarget(options.target, applied.length)).reverse();
    await db.query("SELECT set_config('statement_timeout', $1, false)", [String(COUNT_TIMEOUT_MS)]);
    const items: LossItem[] = [];
    for (const row of undone) {
      if (row.kind === "lossy") items.push(...(await lossOf(db, row)));
    }
    return {
      items,
      nothing: items.every((item) => item.rows === 0 && !item.estimated),
      releases: [...new Set(undone.map((row) => row.release))],
    };
  });
}

/** The statements of a way down that lose data, or may. */
export function lossyStatements(downSql: string): readonly LossyStatement[] {
  return splitStatements(downSql).flatMap(({ text }): readonly LossyStatement[] => {
    const dropped = new RegExp(
      `^DROP\\s+TABLE\\s+(?:IF\\s+EXISTS\\s+)?(${NAME}(?:\\s*,\\s*${NAME})*)(?:\\s+(?:CASCADE|RESTRICT))?$`,
      "i",
    ).exec(text);
    if (dropped) {
      return splitNames(dropped[1] ?? "").map((table) => ({ kind: "table", table }));
    }
    const column = new RegExp(
      `^ALTER\\s+TABLE\\s+(?:IF\\s+EXISTS\\s+)?(?:ONLY\\s+)?(${NAME})\\s+DROP\\s+COLUMN\\s+(?:IF\\s+EXISTS\\s+)?(${NAME})(?:\\s+(?:CASCADE|RESTRICT))?$`,
      "i",
    ).exec(text);
    if (column) {
      return [{ kind: "column", table: column[1] ?? "", column: column[2] ?? "" }];
    }
    return HARMLESS.test(text) && !/\bCASCADE$/i.test(text) ? [] : [{ kind: "uncounted", text }];
  });
}

async function lossOf(db: pg.Client, row: AppliedMigration): Promise<readonly LossItem[]> {
  const items: LossItem[] = [];
  for (const statement of lossyStatements(row.downSql)) {
    items.push({ revision: row.revision, ...(await count(db, statement)) });
  }
  return items;
}

async function count(db: pg.Client, lost: LossyStatement): Promise<Omit<LossItem, "revision">> {
  if (lost.kind === "uncounted") return { what: lost.text, rows: null, estimated: false };
  const what = lost.kind === "table" ? lost.table : `${lost.table}.${lost.column}`;
  const counted = lost.kind === "table" ? "*" : lost.column;
  try {
    const { rows } = await db.query<{ rows: string }>(
      `SELECT count(${counted}) AS rows FROM ${lost.table}`,
    );
    return { what, rows: Number(rows[0]?.rows ?? 0), estimated: false };
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === "42P01" || code === "42703") return { what, rows: 0, estimated: false };
    if (code === "57014") return { what, rows: await estimate(db, lost.table), estimated: true };
    throw cause;
  }
}

async function estimate(db: pg.Client, table: string): Promise<number> {
  const { rows } = await db.query<{ rows: string }>(
    `SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint AS rows
     FROM pg_partition_tree(to_regclass($1)) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf`,
    [table],
  );
  return Number(rows[0]?.rows ?? 0);
}

function splitNames(list: string): readonly string[] {
  return list.match(new RegExp(NAME, "g")) ?? [];
}
