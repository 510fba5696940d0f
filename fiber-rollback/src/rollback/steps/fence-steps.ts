import { FiberError } from "#contracts";
import { createPool, type Db, liftFence, raiseFence, readFence } from "#db";
import type { Step } from "../../engine/step.js";
import { urlOfDatabase } from "../../pg-tools.js";
import { endFenceBlockers } from "../../restore/end-fence-blockers.js";
import { hasFence } from "../../restore/fence-step.js";
import { onDatabase } from "../../restore/restore-context.js";
import { dataPorts, fenceOwner, makeStep, type StepBase } from "./step-base.js";

/** Long enough for most changes, short enough that a forgotten fence does no harm. */
const LEAST_MS = 120_000;
/** With less left the fence is raised anew. */
const LEFT_MS = 60_000;
/** A write in flight may hold the fence up this long; then its session is ended. */
const WAIT_MS = 1_500;
const ATTEMPTS = 3;
const LOCK_NOT_AVAILABLE = "55P03";

/** Fences ingest: pushes get 503 and their senders keep the samples. A schema without a fence is passed. */
export function fenceStep(base: StepBase): Step {
  return makeStep("fence", base, {
    // It ends by itself, so a resumed run looks again.
    lasting: false,
    data: "locked",
    async check() {
      const fence = await ownFence(base);
      const left = fence === null ? 0 : fence.expiresMs - base.context.clock.now();
      return left > LEFT_MS
        ? { state: "done", detail: { expiresMs: fence?.expiresMs } }
        : { state: "needed" };
    },
    async run() {
      return await raise(base);
    },
    async verify() {
      if (!(await knowsFence(base)) || (await ownFence(base)) !== null) return;
      throw new FiberError("FENCE_FAILED", "The ingest fence does not stand. Try again.");
    },
    async undo() {
      await lift(base);
    },
  });
}

/** Lifts the run's fence; one that has ended by itself is fine. */
export function liftStep(base: StepBase): Step {
  return makeStep("lift", base, { run: async () => ({ lifted: await lift(base) }) });
}

/** The fence that this run raised and that still stands; null for none. */
export async function ownFence(base: StepBase): Promise<{ readonly expiresMs: number } | null> {
  const ports = dataPorts(base);
  const fence = await onDatabase(ports, ports.database, async (db) =>
    (await hasFence(db)) ? await readFence(db) : null,
  );
  return fence?.raisedBy === fenceOwner(base) ? fence : null;
}

async function knowsFence(base: StepBase): Promise<boolean> {
  const ports = dataPorts(base);
  return await onDatabase(ports, ports.database, hasFence);
}

async function raise(base: StepBase) {
  if (!(await knowsFence(base))) return { fenced: false, expiresMs: null, ended: [] };
  const ports = dataPorts(base);
  const { plan } = base.context;
  const pool = createPool({
    connectionString: urlOfDatabase(ports.admin, ports.database),
    applicationName: "fiber run: fence",
    max: 1,
    onError: (err) => ports.log.warn({ err }, "the fence's connection broke"),
  });
  const request = {
    reason: `${plan.kind} to ${plan.to ?? "nothing"}`,
    raisedBy: fenceOwner(base),
    forMs: Math.max(LEAST_MS, 3 * plan.outage.ingestMs),
    waitMs: WAIT_MS,
  };
  const ended: string[] = [];
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const { expiresMs } = await raiseFence(pool, request);
        return { fenced: true, expiresMs, ended };
      } catch (err) {
        const isBlocked = (err as { code?: string }).code === LOCK_NOT_AVAILABLE;
        if (!isBlocked || attempt === ATTEMPTS) throw err;
        const control = (db: Parameters<typeof endFenceBlockers>[0]) =>
          endFenceBlockers(db, ports, ports.database);
        ended.push(...(await onDatabase(ports, null, control)));
      }
    }
  } finally {
    await pool.end();
  }
}

async function lift(base: StepBase): Promise<boolean> {
  const ports = dataPorts(base);
  const owners = [fenceOwner(base), restoreOwner(base)].filter((owner) => owner !== null);
  const liftAll = async (db: Db) => {
    if (!(await hasFence(db))) return false;
    let lifted = false;
    for (const owner of owners) lifted = (await liftFence(db, owner)) || lifted;
    return lifted;
  };
  return await onDatabase(ports, ports.database, liftAll);
}

/** The fence that came along in the database that a restore swapped in. */
function restoreOwner({ facts }: StepBase): string | null {
  return facts.restore === null ? null : `fiber restore ${facts.restore.id}`;
}
