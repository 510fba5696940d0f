import { FiberError } from "#contracts";
import {
  type DataLock,
  endSessionsNamed,
  isConnectionError,
  openSession,
  readServerFacts,
  takeDataLock,
} from "#db";
import { urlOfDatabase } from "../pg-tools.js";
import { sessionName } from "../restore/restore-context.js";
import type { DataAccess } from "./run-context.js";
import type { Step, StepDetail } from "./step.js";

/** Which server and database a run works on; null where none answers, with the reason. */
export async function identifyDatabase(data: DataAccess | null): Promise<StepDetail | null> {
  if (data === null) return null;
  const url = urlOfDatabase(data.admin, data.database);
  try {
    const session = await openSession(url, sessionName(data.database));
    try {
      const { systemIdentifier, databaseOid } = await readServerFacts(session);
      return { name: data.database, systemIdentifier, oid: databaseOid };
    } finally {
      await session.close();
    }
  } catch (err) {
    // A dead or missing database may be the very reason for the run.
    if (!isConnectionError(err)) throw err;
    return { name: data.database, systemIdentifier: null, unreachable: (err as Error).message };
  }
}

/**
 * Refuses to go on on another server than the run began on. Another OID is no reason: a swap
 * changes it.
 *
 * @throws FiberError RUN_DATABASE_DIFFERS
 */
export function assertSameServer(begun: unknown, now: StepDetail | null): void {
  const before = (begun as StepDetail | null | undefined)?.systemIdentifier;
  const after = now?.systemIdentifier;
  if (typeof before !== "string" || typeof after !== "string" || before === after) return;
  throw new FiberError(
    "RUN_DATABASE_DIFFERS",
    `The run began on the PostgreSQL server ${before}; the one that answers now is ${after}. ` +
      "Point FIBER_DATABASE_URL at the first one, then resume.",
  );
}

/** The database's advisory lock, taken when the first step needs it. */
export interface LazyDataLock {
  /** Takes it, takes it again after a server restart, or lets it go, as the step asks. */
  prepare(step: Step): Promise<void>;
  release(): Promise<void>;
}

/** Holds the advisory lock from the first step that touches data on. */
export function createDataLock(data: DataAccess | null): LazyDataLock {
  let lock: DataLock | null = null;
  const release = async () => {
    const held = lock;
    lock = null;
    await held?.release();
  };
  return {
    release,
    async prepare(step) {
      if (step.data === "locks-itself") return await release();
      if (step.data === undefined) return;
      if (data === null) {
        throw new FiberError("RUN_WITHOUT_DATABASE", `Step ${step.id} needs a database.`);
      }
      if (lock !== null) return await lock.assertHeld();
      lock = await takeDataLock(data.admin, data.database);
      // What a killed run asked for goes on in the server: with the lock held, it is nobody's.
      await endSessionsNamed(data.admin, sessionName(data.database));
    },
  };
}
