import { join } from "node:path";
import { openSession, type Session } from "#db";
import type { Journal } from "../engine/journal.js";
import { urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import type { RestorePlan } from "./restore-plan.js";

/** What every step of a restore works with. */
export interface RestoreContext {
  readonly plan: RestorePlan;
  readonly ports: DataPorts;
  readonly journal: Journal;
  /** `<state>/restores/<id>`. */
  readonly folder: string;
}

/** `<state>/restores`: one folder a run. */
export function restoresFolder(stateDir: string): string {
  return join(stateDir, "restores");
}

/** Who raised a fence, as it is stored with it. */
export function fenceOrigin(plan: RestorePlan): string {
  return `fiber restore ${plan.id}`;
}

/** How a restore's sessions show in pg_stat_activity, so that a later run knows them again. */
export function sessionName(database: string): string {
  return `fiber restore ${database}`.slice(0, 63);
}

/** Works on a session of one of the server's databases, `postgres` by default. */
export async function onDatabase<T>(
  ports: DataPorts,
  database: string | null,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const url = database === null ? ports.admin : urlOfDatabase(ports.admin, database);
  const session = await openSession(url, sessionName(ports.database));
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
