import { createPool, type DbConnection, type DbPool, ensurePartitions } from "#db";
import { type Clock, type Logger, systemClock } from "#runtime";
import { cutConnection } from "../cut-connection.js";
import type { EtlConfig } from "../etl-config.js";
import { createDuties } from "./duties.js";
import { holdLeadership } from "./hold-leadership.js";
import { type Duty, runDuty } from "./run-duty.js";

/** What {@link startUpkeep} needs. */
export interface UpkeepOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock?: Clock;
  /** What the leader does beside the database's own duties. */
  readonly moreDuties?: (db: DbPool) => readonly Duty[];
}

/** A daily rollup of a large fleet takes minutes. */
const STATEMENT_TIMEOUT_MS = 600_000;
/** How long a duty under way may take to end after the stop. */
const FINISH_MS = 3_000;

/**
 * Starts what keeps the database in order: partitions, rollups, retention, node states, posture.
 * Of all processes on one database one leads and does the work; another takes over when it dies.
 * Makes the partitions for today before it returns, where the database is there; otherwise, and
 * whenever the database goes away, everything is tried again.
 */
export async function startUpkeep(options: UpkeepOptions): Promise<{ stop(): Promise<void> }> {
  const { config, log, clock = systemClock } = options;
  const pool = createPool({
    connectionString: config.FIBER_DATABASE_URL,
    applicationName: "fiber-upkeep",
    max: 3,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    onError: (err) => log.warn({ err }, "idle database connection broke"),
  });
  const connections = new Set<DbConnection>();
  pool.on("connect", (connection) => connections.add(connection));
  pool.on("remove", (connection) => connections.delete(connection));
  try {
    await ensurePartitions(pool, { nowMs: clock.now(), duringBackup: "go-on" });
  } catch (err) {
    log.warn({ err }, "partitions could not be made yet; trying again");
  }
  const ending = new AbortController();
  const leading = holdLeadership({
    databaseUrl: config.FIBER_DATABASE_URL,
    log,
    signal: ending.signal,
    lead: async (signal) => {
      const more = options.moreDuties?.(pool) ?? [];
      const duties = [...createDuties({ pool, log, clock }), ...more];
      await Promise.all(duties.map((duty) => runDuty(duty, { log, clock, signal })));
    },
  });
  return {
    async stop() {
      ending.abort();
      // What is cut off here is done again by the next leader.
      const forced = setTimeout(() => {
        for (const connection of connections) cutConnection(connection);
      }, FINISH_MS);
      await leading;
      await pool.end();
      clearTimeout(forced);
    },
  };
}
