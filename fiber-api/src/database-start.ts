import {
  type Db,
  ensureToken,
  isConnectionError,
  migrationRecordFile,
  schemaFit,
  upgrade,
} from "#db";
import type { Clock, Logger, Running } from "#runtime";
import type { ApiConfig } from "./config.js";

/** What {@link startDatabaseCare} needs. */
export interface DatabaseCareDeps {
  readonly config: Pick<ApiConfig, "databaseUrl" | "release" | "migrateAtStart" | "probeTokens">;
  readonly db: Db;
  readonly stateDir: string;
  readonly log: Logger;
  readonly clock: Clock;
}

const LOOK_EVERY_MS = 3_000;

/**
 * Does for an API without a supervisor what `fiber up` does for its own: brings the schema up once,
 * when it is told to and no downgrade is held, and makes the probes' tokens known whenever the
 * database has forgotten them. Returns after the first attempt; a database that is away, or a
 * migration that fails, keeps no API from starting: /api/status says what is wrong.
 */
export async function startDatabaseCare(deps: DatabaseCareDeps): Promise<Running> {
  const { config, db, log, clock } = deps;
  const ending = new AbortController();
  let schemaDone = !config.migrateAtStart;
  let toldTrouble = false;

  const attempt = async () => {
    try {
      if (!schemaDone) schemaDone = await bringUpSchema(deps);
      await registerTokens(db, config.probeTokens);
      toldTrouble = false;
    } catch (err) {
      if (isMissingTable(err)) return;
      if (!toldTrouble) log.warn({ err }, "the database cannot be prepared yet; trying again");
      toldTrouble = true;
    }
  };
  await attempt();
  const looking = (async () => {
    if (schemaDone && config.probeTokens.length === 0) return;
    while (!ending.signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, ending.signal);
      if (!ending.signal.aborted) await attempt();
    }
  })();
  return {
    async stop() {
      ending.abort();
      await looking;
    },
  };
}

/** Whether there is nothing left to try: the schema fits, is held, or cannot be brought up. */
async function bringUpSchema({ config, db, stateDir, log }: DatabaseCareDeps): Promise<boolean> {
  const fit = await schemaFit(db);
  if (fit.kind !== "behind") return true;
  try {
    const { held } = await upgrade({
      connectionString: config.databaseUrl,
      release: config.release,
      unlessHeld: true,
      recordFile: migrationRecordFile(stateDir),
      onStep: ({ title }) => log.info({ migration: title }, "upgrading the schema"),
    });
    if (held !== undefined) {
      const { revision, reason } = held;
      log.warn({ revision, reason }, "the schema is held: fiber migrate upgrade head ends that");
    }
  } catch (err) {
    if (isConnectionError(err)) throw err;
    log.error({ err }, "the schema cannot be brought up: mend it, then fiber migrate upgrade head");
  }
  return true;
}

async function registerTokens(db: Db, tokens: ApiConfig["probeTokens"]): Promise<void> {
  for (const { nodeId, token } of tokens) {
    await ensureToken(db, { token, role: "probe", nodeId, label: "FIBER_PROBE_TOKENS" });
  }
}

/** Before the first migration, and after the last one was taken back, there is nothing to know. */
function isMissingTable(err: unknown): boolean {
  return (err as { code?: unknown }).code === "42P01";
}
