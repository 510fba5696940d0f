import type { Session } from "./session.js";

/**
 * Moves every sequence of the restored database to at least where the old one's stands, so that no
 * number is given out twice. Sequences are not transactional: this holds at once.
 */
export async function bumpSequences(source: Session, target: Session): Promise<void> {
  const { rows } = await source.query<{ name: string; value: string }>(
    `SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS value
       FROM pg_sequences WHERE last_value IS NOT NULL AND schemaname = 'public'`,
  );
  for (const { name, value } of rows) {
    await target.query(
      `SELECT setval(c.oid::regclass, greatest($2::bigint, coalesce(pg_sequence_last_value(c.oid), 0)))
         FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relkind = 'S'
          AND greatest($2::bigint, coalesce(pg_sequence_last_value(c.oid), 0)) > 0`,
      [name, value],
    );
  }
}
