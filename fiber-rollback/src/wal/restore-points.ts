import { open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { readArchiveStatus, withSession, writeRestorePoint } from "#db";
import { makePrivateFolder, syncPath, writeDurably } from "../durable-files.js";
import type { DataPorts } from "../ports.js";
import { walFolder } from "./wal-folder.js";

const pointSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  /** End of the point's WAL record; null when the command was killed while it was made. */
  lsn: z.string().nullable(),
  timeline: z.number().int(),
  systemIdentifier: z.string(),
  createdAt: z.iso.datetime(),
});

/** A named moment of the WAL to which the data can be taken back. */
export type RestorePoint = z.infer<typeof pointSchema>;

/**
 * Writes a restore point into the WAL. Names are unique: recovery stops at the first record of a
 * name, so a second one would take the data back too far.
 *
 * @throws FiberError RESTORE_POINT_EXISTS, ARCHIVE_OFF, USAGE, or the driver's error
 */
export async function createRestorePoint(
  ports: Pick<DataPorts, "admin" | "stateDir" | "log">,
  name: string,
): Promise<RestorePoint> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
    throw new FiberError(
      "USAGE",
      `"${name}" cannot be a restore point's name: use letters, digits, dot, dash and underscore, ` +
        "at most 63.",
    );
  }
  await makePrivateFolder(pointsFolder(ports.stateDir));
  const file = join(pointsFolder(ports.stateDir), `${name}.json`);
  return withSession(ports.admin, async (session) => {
    if (!(await readArchiveStatus(session)).on) throw archiveOff();
    await reserve(file, name);
    const written = await writeRestorePoint(session, name).catch(async (cause) => {
      await rm(file, { force: true });
      throw cause;
    });
    const point: RestorePoint = {
      format: 1,
      name,
      lsn: written.lsn,
      timeline: written.timeline,
      systemIdentifier: written.systemIdentifier,
      createdAt: new Date(written.atMs).toISOString(),
    };
    await writeDurably(file, `${JSON.stringify(point)}\n`);
    ports.log.info({ point: name, lsn: written.lsn }, "restore point made");
    return point;
  });
}

/** All restore points, oldest first. */
export async function listRestorePoints(stateDir: string): Promise<readonly RestorePoint[]> {
  const folder = pointsFolder(stateDir);
  const names = await readdir(folder).catch(() => []);
  const points: RestorePoint[] = [];
  for (const name of names.filter((one) => one.endsWith(".json") && !one.startsWith("."))) {
    const text = await readFile(join(folder, name), "utf8");
    // An empty file is a name that was reserved by a command that was then killed.
    if (text !== "") points.push(pointSchema.parse(JSON.parse(text)));
  }
  return points.sort((a, b) => a.createdAt.localeCompare(b.createdAt));
}

/** Forgets the points that no base backup reaches any more. */
export async function dropPointsBefore(stateDir: string, createdMs: number): Promise<void> {
  for (const point of await listRestorePoints(stateDir)) {
    if (Date.parse(point.createdAt) >= createdMs) continue;
    await rm(join(pointsFolder(stateDir), `${point.name}.json`), { force: true });
  }
}

/** What is refused, and why, when the server archives no WAL. */
export function archiveOff(): FiberError {
  return new FiberError(
    "ARCHIVE_OFF",
    "The server archives no WAL, so it can be taken back to its dumps only. Set archive_mode=on and " +
      "an archive_command (docs/backup.md) and restart it; the embedded server does so by itself.",
  );
}

async function reserve(file: string, name: string): Promise<void> {
  try {
    const handle = await open(file, "wx", 0o600);
    await handle.close();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new FiberError(
      "RESTORE_POINT_EXISTS",
      `There is a restore point "${name}" already, and recovery stops at the first of a name. ` +
        "Choose another name.",
      { cause },
    );
  }
  await syncPath(join(file, ".."));
}

function pointsFolder(stateDir: string): string {
  return join(walFolder(stateDir), "points");
}
