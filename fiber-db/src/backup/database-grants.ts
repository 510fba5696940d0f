import type { Db } from "../pool.js";

/**
 * The rights on the connected database itself, which pg_dump leaves out, as SQL in which
 * `:"database"` stands for the database's name. Empty when the defaults hold.
 */
export async function readDatabaseGrants(db: Db): Promise<readonly string[]> {
  const { rows } = await db.query<{ statement: string }>(`
    WITH d AS (SELECT datacl, datdba FROM pg_database WHERE datname = current_database()
                  AND datacl IS NOT NULL)
    SELECT 'REVOKE ALL ON DATABASE :"database" FROM PUBLIC' AS statement, 0 AS place FROM d
    UNION ALL
    SELECT format('GRANT %s ON DATABASE :"database" TO %s%s', string_agg(privilege_type, ', '
                    ORDER BY privilege_type),
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                  CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), 1
      FROM d, aclexplode(datacl) WHERE grantee <> datdba GROUP BY grantee, is_grantable
     ORDER BY place, statement`);
  return rows.map((row) => row.statement);
}
