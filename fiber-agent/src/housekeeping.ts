import { isConnectionError } from "#db";
import type { Logger } from "#runtime";
import { keepCopies, resendMissed } from "./keep-records.js";
import { rotateLog } from "./role-log.js";
import { registerTokens } from "./secrets.js";
import type { StackOptions, StackState } from "./stack-state.js";
import type { TokenMemory } from "./token-memory.js";

const TICK_MS = 1_000;
const TICKS_BETWEEN_TOKENS = 3;
const TICKS_BETWEEN_LOGS = 10;
const TICKS_BETWEEN_NOTICES = 300;

/** APIs remember for 3 s that they do not know a token. */
const TICKS_UNTIL_TOKENS_COUNT = 5;

/**
 * Looks after the stack until aborted: whether the database lives (started again when not), every
 * few seconds whether it knows the stack's tokens, and how large the logs are. Trouble is logged
 * once until it is over, and tried again.
 */
export async function keepHouse(
  state: StackState,
  options: StackOptions,
  { signal, tokens }: { readonly signal: AbortSignal; readonly tokens: TokenMemory },
): Promise<void> {
  const { clock, log, paths } = options;
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
  let toldAt = Number.POSITIVE_INFINITY;
  for (let tick = 1; ; tick++) {
    await clock.sleep(TICK_MS, signal);
    if (signal.aborted) return;
    await attempt("database", async () => state.database?.keepAlive());
    if (tick % TICKS_BETWEEN_TOKENS === 0) {
      await attempt("tokens", async () => {
        if (await keepTokens(state, log)) toldAt = tick + TICKS_UNTIL_TOKENS_COUNT;
      });
      await attempt("copies", () => keepCopies(state, options, tokens));
    }
    if (tick >= toldAt) {
      // A probe that was refused meanwhile waits for minutes before it tries again.
      reloadAllProbes(state);
      toldAt = Number.POSITIVE_INFINITY;
    }
    if (tick % TICKS_BETWEEN_NOTICES === 0) {
      await attempt("notices", () => resendMissed(options));
    }
    if (tick % TICKS_BETWEEN_LOGS === 0) {
      await attempt("logs", async () => {
        const names = ["agent", ...state.host.roles().map((role) => role.name)];
        for (const name of names) rotateLog(paths.logs, name);
      });
    }
  }
}

/**
 * Whether the database had forgotten a token. While the schema is down to its base, or the
 * database is away, there is nothing to register.
 */
async function keepTokens({ database, tokens }: StackState, log: Logger): Promise<boolean> {
  if (database === null || tokens === null) return false;
  try {
    const made = await registerTokens(database.pool, tokens);
    if (made.length > 0) log.info({ nodes: made }, "the database had forgotten tokens");
    return made.length > 0;
  } catch (err) {
    const undefinedTable = (err as { code?: unknown }).code === "42P01";
    if (!undefinedTable && !isConnectionError(err)) throw err;
    return false;
  }
}

function reloadAllProbes({ host, tokens }: StackState): void {
  for (const role of host.roles()) if (tokens?.probes.has(role.name)) role.reload();
}
