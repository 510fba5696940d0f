import { FiberError } from "#contracts";
import { createPool, type Db, liftFence, raiseFence, readFence } from "#db";
import type { Step } from "../engine/step.js";
import { urlOfDatabase } from "../pg-tools.js";
import { titleOf } from "./beside-step.js";
import { endFenceBlockers } from "./end-fence-blockers.js";
import { fenceOrigin, onDatabase, type RestoreContext } from "./restore-context.js";

/** Long enough for a tail, short enough that a forgotten fence does no harm. */
const FENCE_MS = 120_000;
const LEFT_MS = 60_000;
const WAIT_MS = 1_500;

/** Fences ingest in the live database; a schema without a fence is reported and passed. */
export function fenceStep(context: RestoreContext): Step {
  const { plan, ports } = context;
  return {
    id: "fence",
    title: titleOf(plan, "fence"),
    kind: "compensable",
    lasting: false,
    async check() {
      const fence = await onDatabase(ports, plan.live.name, readFenceIfAny);
      const left = fence?.raisedBy === fenceOrigin(plan) ? fence.expiresMs - Date.now() : 0;
      return left > LEFT_MS ? { state: "done" } : { state: "needed" };
    },
    async run() {
      const ended = await raiseIn(context, plan.live.name);
      return { fenced: ended !== null, ended: ended ?? [] };
    },
    async verify() {
      const there = await onDatabase(ports, plan.live.name, hasFence);
      if (!there) return;
      const fence = await onDatabase(ports, plan.live.name, readFence);
      if (fence?.raisedBy === fenceOrigin(plan)) return;
      throw new FiberError("FENCE_FAILED", "The ingest fence does not stand. Try again.");
    },
    async undo() {
      await liftIn(context, plan.live.name);
    },
  };
}

/**
 * Raises the run's fence in one database; sessions that hold its lock are ended.
 *
 * @returns the sessions that were ended; null where the schema knows no fence
 */
export async function raiseIn(
  { plan, ports }: RestoreContext,
  database: string,
): Promise<readonly string[] | null> {
  if (!(await onDatabase(ports, database, hasFence))) return null;
  const pool = createPool({
    connectionString: urlOfDatabase(ports.admin, database),
    applicationName: "fiber restore: fence",
    max: 1,
    onError: (err) => ports.log.warn({ err }, "the fence's connection broke"),
  });
  const request = {
    reason: `restore ${plan.id}`,
    raisedBy: fenceOrigin(plan),
    forMs: FENCE_MS,
    waitMs: WAIT_MS,
  };
  try {
    const ended: string[] = [];
    for (let attempt = 1; ; attempt++) {
      try {
        await raiseFence(pool, request);
        return ended;
      } catch (err) {
        if ((err as { code?: string }).code !== "55P03" || attempt === 3) throw err;
        ended.push(...(await onDatabase(ports, null, (s) => endFenceBlockers(s, ports, database))));
      }
    }
  } finally {
    await pool.end();
  }
}

/** Lifts the run's own fence in one database; harmless when there is none. */
export async function liftIn({ plan, ports }: RestoreContext, database: string): Promise<boolean> {
  return await onDatabase(ports, database, async (session) =>
    (await hasFence(session)) ? await liftFence(session, fenceOrigin(plan)) : false,
  );
}

async function readFenceIfAny(db: Db) {
  return (await hasFence(db)) ? await readFence(db) : null;
}

/** Whether the database's schema knows a fence. */
export async function hasFence(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ there: boolean }>(
    "SELECT to_regclass('ingest_fence') IS NOT NULL AS there",
  );
  return rows[0]?.there ?? false;
}
