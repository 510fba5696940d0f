import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Db, type MaintenanceWindow, storeMaintenanceWindows } from "#db";
import type { Clock, Logger } from "#runtime";
import { makePrivateFolder, writeDurably } from "../durable-files.js";

const fileSchema = z.object({
  format: z.literal(1),
  id: z.string().regex(/^[0-9A-Za-z-]{1,64}$/),
  reason: z.string(),
  openedBy: z.string(),
  openedMs: z.number(),
  endsByMs: z.number(),
  closedMs: z.number().nullable(),
});

/** What opening and closing work on. */
export interface MaintenancePorts {
  readonly stateDir: string;
  /** Null for a project without a database; one that is away is left for later. */
  readonly db: Db | null;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
}

/** Windows older than this are no longer copied into the database, ms: its longest retention. */
const KEPT_MS = 366 * 86_400_000;

/**
 * Opens a window of planned work under an id, usually a run's; opening it again changes nothing but
 * its planned end. The state folder is the record; the database holds a copy for the API, written
 * at once where it answers and by `syncMaintenance` where it does not.
 */
export async function openMaintenance(
  ports: MaintenancePorts,
  request: {
    readonly id: string;
    readonly reason: string;
    readonly openedBy: string;
    /** After how long it ends by itself, ms. */
    readonly forMs: number;
  },
): Promise<MaintenanceWindow> {
  const nowMs = ports.clock.now();
  const known = (await readMaintenance(ports.stateDir)).find((one) => one.id === request.id);
  const openedMs = known?.openedMs ?? nowMs;
  const window: MaintenanceWindow = {
    id: request.id,
    reason: request.reason,
    openedBy: request.openedBy,
    openedMs,
    endsByMs: Math.max(nowMs, openedMs) + request.forMs,
    closedMs: null,
  };
  await writeWindow(ports.stateDir, window);
  await copyWhereItAnswers(ports);
  return window;
}

/** Closes a window; null when there is none of that id. Closing it again changes nothing. */
export async function closeMaintenance(
  ports: MaintenancePorts,
  id: string,
): Promise<MaintenanceWindow | null> {
  const known = (await readMaintenance(ports.stateDir)).find((one) => one.id === id);
  if (known === undefined) return null;
  const closed =
    known.closedMs === null
      ? { ...known, closedMs: Math.max(ports.clock.now(), known.openedMs) }
      : known;
  if (known.closedMs === null) await writeWindow(ports.stateDir, closed);
  await copyWhereItAnswers(ports);
  return closed;
}

/** Every window in the state folder, newest first; files that are none of ours are left out. */
export async function readMaintenance(stateDir: string): Promise<readonly MaintenanceWindow[]> {
  const folder = maintenanceFolder(stateDir);
  const names = await readdir(folder).catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return [];
    throw err;
  });
  const windows: MaintenanceWindow[] = [];
  for (const name of names.filter((one) => /^[0-9A-Za-z-]+\.json$/.test(one))) {
    const parsed = fileSchema.safeParse(parse(await readFile(join(folder, name), "utf8")));
    if (parsed.success) windows.push(parsed.data);
  }
  return windows.sort((a, b) => b.openedMs - a.openedMs);
}

/**
 * Brings the database's copy up to date, after a restore or a time without database.
 *
 * @returns how many rows changed
 * @throws the driver's error
 */
export async function syncMaintenance(
  stateDir: string,
  db: Db,
  clock: Pick<Clock, "now">,
): Promise<number> {
  const young = (await readMaintenance(stateDir)).filter(
    (one) => one.openedMs > clock.now() - KEPT_MS,
  );
  return young.length === 0 ? 0 : await storeMaintenanceWindows(db, young);
}

/** A run must not stop because the database, which may be what it mends, takes no note of it. */
async function copyWhereItAnswers({ stateDir, db, clock, log }: MaintenancePorts): Promise<void> {
  if (db === null) return;
  try {
    await syncMaintenance(stateDir, db, clock);
  } catch (err) {
    log.warn({ err }, "the database has not learned of the maintenance window yet");
  }
}

async function writeWindow(stateDir: string, window: MaintenanceWindow): Promise<void> {
  const folder = maintenanceFolder(stateDir);
  await makePrivateFolder(folder);
  const file: z.infer<typeof fileSchema> = { format: 1, ...window };
  await writeDurably(join(folder, `${window.id}.json`), `${JSON.stringify(file, null, 2)}\n`);
}

const maintenanceFolder = (stateDir: string) => join(stateDir, "maintenance");

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
