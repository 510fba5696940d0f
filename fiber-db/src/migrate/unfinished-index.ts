import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { FiberError } from "#contracts";

/** What there is of the index a statement is about; "no-index" for other statements. */
export type IndexState = "absent" | "invalid" | "valid" | "no-index";

const BUILDER_WAIT_MS = 30_000;

/** The index that a CREATE or DROP INDEX CONCURRENTLY is about; null for other statements. */
export function indexOf(sql: string): string | null {
  const name = '((?:"(?:[^"]|"")+"|[\\w.])+)';
  const statement = new RegExp(
    `\\b(?:CREATE\\s+(?:UNIQUE\\s+)?INDEX\\s+CONCURRENTLY\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?` +
      `|DROP\\s+INDEX\\s+CONCURRENTLY\\s+(?:IF\\s+EXISTS\\s+)?)${name}`,
    "i",
  );
  const found = statement.exec(sql)?.[1];
  return found === undefined || /^on$/i.test(found) ? null : found;
}

/** Whether the index of a statement exists, and can be used. */
export async function indexState(db: pg.Client, sql: string): Promise<IndexState> {
  const index = indexOf(sql);
  if (index === null) return "no-index";
  const { rows } = await db.query<{ valid: boolean }>(
    "SELECT indisvalid AND indisready AS valid FROM pg_index WHERE indexrelid = to_regclass($1)",
    [index],
  );
  const found = rows[0];
  return found === undefined ? "absent" : found.valid ? "valid" : "invalid";
}

/**
 * Clears what an earlier, killed attempt left of the statement's own index, and says what is there
 * now. A server process that still builds it is waited for: the server notices within a second
 * that its client is gone.
 *
 * @throws FiberError MIGRATION_LOCKED when somebody goes on building it
 */
export async function clearOwnIndex(db: pg.Client, sql: string): Promise<IndexState> {
  const index = indexOf(sql);
  if (index === null) return "no-index";
  await waitForBuilder(db, index);
  const state = await indexState(db, sql);
  if (state !== "invalid") return state;
  await db.query(`DROP INDEX CONCURRENTLY ${index}`);
  return "absent";
}

async function waitForBuilder(db: pg.Client, index: string): Promise<void> {
  const deadline = Date.now() + BUILDER_WAIT_MS;
  for (;;) {
    const { rows } = await db.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_progress_create_index
       WHERE index_relid = to_regclass($1) AND pid <> pg_backend_pid()`,
      [index],
    );
    const builder = rows[0];
    if (builder === undefined) return;
    if (Date.now() > deadline) {
      throw new FiberError(
        "MIGRATION_LOCKED",
        `Session ${builder.pid} is still building index ${index}. Let it finish, or end it with ` +
          `SELECT pg_terminate_backend(${builder.pid}), and run the command again.`,
      );
    }
    await sleep(200);
  }
}
