import type { Db } from "#db";

/**
 * A database's schema as text, one fact a line, sorted: what two schemas must share to be the same.
 * Partitions are left out, because upkeep makes them, and so is the migrations' own table.
 */
export async function schemaText(db: Db): Promise<string> {
  const { rows } = await db.query<{ line: string }>(`
    WITH ours AS (
      SELECT c.* FROM pg_class c
      WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
        AND c.relname !~ '^fiber_migrations'
    ), facts AS (
      SELECT format('%s %s %s %s', relkind, relname, reloptions, pg_get_partkeydef(oid)) AS line FROM ours
      UNION ALL
      SELECT format('%s.%s %s null:%s default:%s identity:%s at:%s', o.relname, a.attname,
                    format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
                    pg_get_expr(d.adbin, d.adrelid), a.attidentity,
                    row_number() OVER (PARTITION BY o.oid ORDER BY a.attnum))
      FROM ours o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
      WHERE o.relkind IN ('r', 'p', 'v')
      UNION ALL
      SELECT format('%s constraint %s %s valid:%s', o.relname, n.conname,
                    pg_get_constraintdef(n.oid), n.convalidated)
      FROM ours o JOIN pg_constraint n ON n.conrelid = o.oid
      UNION ALL
      SELECT format('%s valid:%s', pg_get_indexdef(i.indexrelid), i.indisvalid)
      FROM ours o JOIN pg_index i ON i.indrelid = o.oid
      UNION ALL
      SELECT format('comment %s %s', o.relname, d.description)
      FROM ours o JOIN pg_description d ON d.objoid = o.oid AND d.classoid = 'pg_class'::regclass
      UNION ALL
      SELECT pg_get_triggerdef(t.oid) FROM ours o JOIN pg_trigger t ON t.tgrelid = o.oid
      WHERE NOT t.tgisinternal
      UNION ALL
      SELECT pg_get_functiondef(p.oid) FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
      UNION ALL
      SELECT format('type %s %s', t.typname, t.typtype) FROM pg_type t
      WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('d', 'e', 'r')
      UNION ALL
      SELECT format('extension %s', extname) FROM pg_extension
    )
    SELECT line FROM facts ORDER BY line COLLATE "C"`);
  return rows.map((row) => row.line).join("\n");
}
