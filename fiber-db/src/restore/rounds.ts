import type { Db } from "../pool.js";
import type { CarryRound, TableOutcome } from "./carry-types.js";
import { WORK_SCHEMA } from "./sample-groups.js";

/** Notes a round in the restored database, in the caller's transaction: both or neither happened. */
export async function recordRound(db: Db, run: string, round: CarryRound): Promise<void> {
  await db.query(`
    CREATE SCHEMA IF NOT EXISTS ${WORK_SCHEMA};
    CREATE TABLE IF NOT EXISTS ${WORK_SCHEMA}.rounds
      (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL,
       horizon text NOT NULL, tables jsonb NOT NULL)`);
  await db.query(`INSERT INTO ${WORK_SCHEMA}.rounds (run, horizon, tables) VALUES ($1, $2, $3)`, [
    run,
    round.horizon,
    JSON.stringify(round.tables),
  ]);
}

/** The rounds of a run that were committed, oldest first. */
export async function readRounds(db: Db, run: string): Promise<readonly CarryRound[]> {
  const { rows: made } = await db.query<{ made: boolean }>(
    `SELECT to_regclass('${WORK_SCHEMA}.rounds') IS NOT NULL AS made`,
  );
  if (!made[0]?.made) return [];
  const { rows } = await db.query<CarryRound>(
    `SELECT horizon, tables FROM ${WORK_SCHEMA}.rounds WHERE run = $1 ORDER BY place`,
    [run],
  );
  return rows;
}

/** Removes what a restore kept in the restored database for itself. */
export async function dropWorkSchema(db: Db): Promise<void> {
  await db.query(`DROP SCHEMA IF EXISTS ${WORK_SCHEMA} CASCADE`);
}

/** Several rounds as one outcome a table. */
export function sumRounds(rounds: readonly CarryRound[]): readonly TableOutcome[] {
  const sums = new Map<string, TableOutcome>();
  for (const round of rounds) {
    for (const one of round.tables) {
      const sum = sums.get(one.table);
      sums.set(one.table, sum === undefined ? one : addOutcomes(sum, one));
    }
  }
  return [...sums.values()];
}

function addOutcomes(sum: TableOutcome, one: TableOutcome): TableOutcome {
  return {
    ...sum,
    carried: sum.carried + one.carried,
    newer: sum.newer + one.newer,
    ended: sum.ended + one.ended,
    suspect: sum.suspect + one.suspect,
    left: sum.left + one.left,
    // A numbered table is looked at as a whole in every round: its refusals are the same rows.
    refused: Math.max(sum.refused, one.refused),
    problem: sum.problem ?? one.problem,
  };
}
