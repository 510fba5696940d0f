import { isConnectionError } from "#db";
import { rotateLog } from "./role-log.js";
import { registerTokens } from "./secrets.js";
import type { StackOptions, StackState } from "./stack-state.js";

const TICK_MS = 1_000;
const TICKS_A_ROUND = 10;

/**
 * Looks after the stack until aborted: every second whether the database lives (and starts it
 * again when not), every ten seconds the size of the logs and whether the database knows the
 * stack's tokens. Trouble is logged once until it is over, and tried again.
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
    if (tick % TICKS_A_ROUND !== 0) continue;
    await attempt("logs", async () => {
      for (const name of ["agent", ...state.roles.map((role) => role.name)]) {
        rotateLog(options.paths.logs, name);
      }
    });
    await attempt("tokens", () => keepTokens(state));
  }
}

/** While the schema is down to its base, or the database is away, there is nothing to register. */
async function keepTokens({ database, tokens }: StackState): Promise<void> {
  if (database === null || tokens === null) return;
  try {
    await registerTokens(database.pool, tokens);
  } catch (err) {
    const undefinedTable = (err as { code?: unknown }).code === "42P01";
    if (!undefinedTable && !isConnectionError(err)) throw err;
  }
}
