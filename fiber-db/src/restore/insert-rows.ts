import { quoteName, type Session } from "./session.js";

/** Rows of a temporary table to put into a table. */
export interface RowsToInsert {
  readonly table: string;
  readonly columns: readonly string[];
  /** A temporary table that has at least these columns. */
  readonly from: string;
  /** SQL condition on the temporary table. */
  readonly where: string;
}

/** What became of the rows. */
export interface Inserted {
  readonly inserted: number;
  /** Rows that a constraint of the table does not allow. */
  readonly refused: number;
  /** The first refusal in the database's words. */
  readonly problem: string | null;
}

/**
 * Inserts in one statement; where a constraint forbids that, row by row, so that one bad row does
 * not keep the others out. Rows whose key is there already are left as they are. Runs in the
 * caller's transaction.
 */
export async function insertRows(target: Session, rows: RowsToInsert): Promise<Inserted> {
  await target.query("SAVEPOINT fiber_insert");
  try {
    const { rowCount } = await target.query(insertAll(rows));
    await target.query("RELEASE SAVEPOINT fiber_insert");
    return { inserted: rowCount ?? 0, refused: 0, problem: null };
  } catch (err) {
    if (!isRowProblem(err)) throw err;
    await target.query("ROLLBACK TO SAVEPOINT fiber_insert");
    return await insertOneByOne(target, rows);
  }
}

/** Whether an error is about a row's values (classes 22 and 23) rather than about the database. */
export function isRowProblem(err: unknown): boolean {
  const code = (err as { code?: unknown }).code;
  return typeof code === "string" && /^2[23]/.test(code);
}

function insertAll({ table, columns, from, where }: RowsToInsert): string {
  const names = columns.map(quoteName).join(", ");
  return `
    INSERT INTO ${quoteName(table)} (${names}) OVERRIDING SYSTEM VALUE
    SELECT ${names} FROM pg_temp.${quoteName(from)} WHERE ${where}
    ON CONFLICT DO NOTHING`;
}

async function insertOneByOne(target: Session, rows: RowsToInsert): Promise<Inserted> {
  const names = rows.columns.map(quoteName).join(", ");
  const values = rows.columns.map((column) => `one.${quoteName(column)}`).join(", ");
  await target.query(`
    CREATE TEMP TABLE outcome (inserted int, refused int, problem text) ON COMMIT DROP;
    DO $insert$
    DECLARE
      one record;
      good int := 0;
      bad int := 0;
      first_problem text;
    BEGIN
      FOR one IN SELECT * FROM pg_temp.${quoteName(rows.from)} WHERE ${rows.where} LOOP
        BEGIN
          INSERT INTO ${quoteName(rows.table)} (${names}) OVERRIDING SYSTEM VALUE
          VALUES (${values}) ON CONFLICT DO NOTHING;
          IF FOUND THEN good := good + 1; END IF;
        EXCEPTION WHEN integrity_constraint_violation OR data_exception THEN
          bad := bad + 1;
          first_problem := coalesce(first_problem, SQLERRM);
        END;
      END LOOP;
      INSERT INTO pg_temp.outcome VALUES (good, bad, first_problem);
    END $insert$`);
  const { rows: found } = await target.query<Inserted>("SELECT * FROM pg_temp.outcome");
  await target.query("DROP TABLE pg_temp.outcome");
  return found[0] ?? { inserted: 0, refused: 0, problem: null };
}
