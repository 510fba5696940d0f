import type { Db } from "../pool.js";

/** Where a sequence stands; `value` is a bigint as text. */
export interface SequenceState {
  readonly name: string;
  readonly value: string;
  readonly called: boolean;
}

/** Reads all sequences by name. Sequences know no snapshot: this is their state right now. */
export async function readSequences(db: Db): Promise<readonly SequenceState[]> {
  const listed = await db.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' ORDER BY 1`,
  );
  const states: SequenceState[] = [];
  for (const { name } of listed.rows) {
    const { rows } = await db.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${name}`,
    );
    states.push(...rows.map((row) => ({ name, ...row })));
  }
  return states;
}
