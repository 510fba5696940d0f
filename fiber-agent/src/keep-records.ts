import { isConnectionError } from "#db";
import { resendNotices, syncMaintenance } from "#rollback";
import { releasedProject } from "./agent-readiness.js";
import type { StackOptions, StackState } from "./stack-state.js";
import type { TokenMemory } from "./token-memory.js";

/**
 * Keeps copies of what both sides must know: the roles of tokens for times without the database,
 * and maintenance windows for the API. A database that is away, or taken down to its base, is left
 * for later.
 */
export async function keepCopies(
  { database }: StackState,
  { paths, clock }: StackOptions,
  tokens: TokenMemory,
): Promise<void> {
  if (database === null) return;
  try {
    await tokens.refresh(database.pool);
    await syncMaintenance(paths.stateDir, database.pool, clock);
  } catch (err) {
    const undefinedTable = (err as { code?: unknown }).code === "42P01";
    if (!undefinedTable && !isConnectionError(err)) throw err;
  }
}

/** Sends notices of runs that nobody could be told of. */
export async function resendMissed({ paths, clock, log }: StackOptions): Promise<void> {
  const { stateDir } = paths;
  const project = releasedProject(stateDir);
  const resent = await resendNotices({ stateDir, project, clock, log, env: process.env });
  if (resent.length > 0) log.info({ incidents: resent }, "notices were delivered late");
}
