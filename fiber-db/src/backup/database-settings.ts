import pg from "pg";
import type { Db } from "../pool.js";

/** Settings whose value is a list of names: each is quoted by itself (guc.h, GUC_LIST_QUOTE). */
const LISTS = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
]);

/**
 * `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` of the connected database, which
 * pg_dump leaves out, as SQL in which `:"database"` stands for the database's name.
 */
export async function readDatabaseSettings(db: Db): Promise<readonly string[]> {
  const { rows } = await db.query<{ role: string | null; setting: string }>(`
    SELECT quote_ident(r.rolname) AS role, setting
      FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS setting
      LEFT JOIN pg_roles r ON r.oid = s.setrole
     WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY role NULLS FIRST, setting`);
  return rows.map(({ role, setting }) => {
    const whose = role === null ? 'DATABASE :"database"' : `ROLE ${role} IN DATABASE :"database"`;
    const at = setting.indexOf("=");
    const name = setting.slice(0, at);
    return `ALTER ${whose} SET ${name} TO ${settingValue(name, setting.slice(at + 1))}`;
  });
}

/** A setting's stored value as SQL; exported for its test. */
export function settingValue(name: string, value: string): string {
  if (!LISTS.has(name.toLowerCase())) return pg.escapeLiteral(value);
  const parts = value.match(/"(?:[^"]|"")*"|[^,\s][^,]*/g) ?? [];
  const names = parts.map((part) =>
    part
      .trim()
      .replace(/^"(.*)"$/s, "$1")
      .replaceAll('""', '"'),
  );
  return names.length === 0 ? "''" : names.map((one) => pg.escapeLiteral(one)).join(", ");
}
