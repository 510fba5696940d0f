import { isConnectionError } from "#db";
import type { Logger } from "#runtime";
import { rotateLog } from "./role-log.js";
import { registerTokens } from "./secrets.js";
import type { StackOptions, StackState } from "./stack-state.js";

const TICK_MS = 1_000;
const TICKS_BETWEEN_TOKENS = 3;
const TICKS_BETWEEN_LOGS = 10;

/**
 * Looks after the stack until aborted: whether the database lives (started again when not), every
 * few seconds whether it knows the stack's tokens, and how large the logs are. Trouble is logged
 * once until it is over, and tried again.
 */
export async function keepHouse(
  state: StackState,
  options: StackOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  const troubled = new Set<string>();
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
      if (troubled.delete(what)) log.info({ what }, "housekeeping works again");
    } catch (err) {
      if (!troubled.has(what)) log.warn({ what, err }, "housekeeping failed; trying again");
      troubled.add(what);
    }
  };
  for (let tick = 1; ; tick++) {
    await clock.sleep(TICK_MS, signal);
    if (signal.aborted) return;
    await attempt("database", async () => state.database?.keepAlive());
    if (tick % TICKS_BETWEEN_TOKENS === 0) await attempt("tokens", () => keepTokens(state, log));
    if (tick % TICKS_BETWEEN_LOGS === 0) {
      await attempt("logs", async () => {
        for (const name of ["agent", ...state.roles.map((role) => role.name)]) {
          rotateLog(options.paths.logs, name);
        }
      });
    }
  }
}

/**
 * While the schema is down to its base, or the database is away, there is nothing to register.
 * A probe that was refused meanwhile waits minutes before it tries again, so it is told.
 */
async function keepTokens({ database, tokens, roles }: StackState, log: Logger): Promise<void> {
  if (database === null || tokens === null) return;
  try {
    const made = await registerTokens(database.pool, tokens);
    if (made.length > 0) log.info({ nodes: made }, "the database had forgotten tokens");
    for (const role of roles) if (made.includes(role.name)) role.reload();
  } catch (err) {
    const undefinedTable = (err as { code?: unknown }).code === "42P01";
    if (!undefinedTable && !isConnectionError(err)) throw err;
  }
}
