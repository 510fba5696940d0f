import { hostname, userInfo } from "node:os";
import { FiberError } from "#contracts";
import { createPool, type FenceView, liftFence, raiseFence, readFence } from "#db";
import { urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";

/** What a fence is to say and how long it may stand. */
export interface FenceOrder {
  readonly reason: string;
  /** It ends by itself after this. */
  readonly forMs: number;
  /** Who raises it; default is the user and host. */
  readonly raisedBy?: string;
}

/** A fence that stands and is honoured. */
export interface Fenced {
  readonly expiresMs: number;
  /** How long it took until every write in flight had ended. */
  readonly tookMs: number;
  /** The fence that stood before and was replaced, null for none. */
  readonly replaced: FenceView | null;
}

/** The longest that a write in flight may hold the fence up. */
const WAIT_MS = 10_000;
const LONGEST_MS = 24 * 3_600_000;
const LOCK_NOT_AVAILABLE = "55P03";
const UNDEFINED_TABLE = "42P01";

type FencePorts = Pick<DataPorts, "admin" | "database" | "clock">;

/**
 * Raises the ingest fence. When this resolves, no sample is acknowledged any more that was not
 * committed before: writes in flight have ended, later ones are refused (see raiseFence in #db).
 *
 * @throws FiberError FENCE_BUSY when a write in flight does not end in 10 s, SCHEMA_BEHIND, USAGE
 */
export async function fenceIngest(ports: FencePorts, order: FenceOrder): Promise<Fenced> {
  if (!(order.forMs > 0 && order.forMs <= LONGEST_MS)) {
    throw new FiberError("USAGE", "A fence stands for more than nothing and at most 24 hours.");
  }
  const startedMs = ports.clock.now();
  return onDatabase(ports, async (pool) => {
    const replaced = await readFence(pool);
    const raised = await raiseFence(pool, {
      reason: order.reason,
      raisedBy: order.raisedBy ?? operator(),
      forMs: order.forMs,
      waitMs: WAIT_MS,
    });
    return { expiresMs: raised.expiresMs, tookMs: ports.clock.now() - startedMs, replaced };
  });
}

/**
 * Lifts the fence; returns whether one stood.
 *
 * @param raisedBy lift only this one's; leave out to lift anybody's
 */
export async function liftIngestFence(ports: FencePorts, raisedBy?: string): Promise<boolean> {
  return onDatabase(ports, (pool) => liftFence(pool, raisedBy ?? null));
}

/** The fence that stands now, or null. */
export async function ingestFence(ports: FencePorts): Promise<FenceView | null> {
  return onDatabase(ports, (pool) => readFence(pool));
}

/** Who acts, for fences and journals: "ada@laptop". */
export function operator(): string {
  return `${process.env.SUDO_USER || userInfo().username}@${hostname()}`;
}

async function onDatabase<T>(
  { admin, database }: FencePorts,
  work: (pool: ReturnType<typeof createPool>) => Promise<T>,
): Promise<T> {
  const pool = createPool({
    connectionString: urlOfDatabase(admin, database),
    applicationName: "fiber ingest",
    max: 1,
    // An idle connection that breaks is replaced; queries report their own errors.
    onError: () => {},
  });
  try {
    return await work(pool);
  } catch (cause) {
    throw explained(cause, database);
  } finally {
    await pool.end();
  }
}

function explained(cause: unknown, database: string): unknown {
  const code = (cause as { code?: unknown }).code;
  if (code === LOCK_NOT_AVAILABLE) {
    return new FiberError(
      "FENCE_BUSY",
      `A write of samples has been in flight for more than ${WAIT_MS / 1_000} s; the fence was not ` +
        "raised and ingest goes on. See who writes: SELECT pid, state, query FROM pg_stat_activity " +
        "WHERE application_name ~ '^fiber-(ingest|etl|replay)'.",
      { cause },
    );
  }
  if (code === UNDEFINED_TABLE) {
    return new FiberError(
      "SCHEMA_BEHIND",
      `Database ${database} has no tables of ours yet: run \`fiber migrate upgrade head\`.`,
      { cause },
    );
  }
  return cause;
}
