import type { Db } from "../pool.js";

/** Application name of the one control connection of each `fiber etl` process. */
export const ETL_SESSION = "fiber-etl-control";

/** How many `fiber etl` processes write into this database at this moment. */
export async function countWriters(db: Db): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE application_name = $1 AND datname = current_database()`,
    [ETL_SESSION],
  );
  return rows[0]?.n ?? 0;
}
