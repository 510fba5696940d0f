import { z } from "zod";
import { FiberError } from "#contracts";
import { dropDatabase, listDatabases } from "#db";
import type { DataPorts } from "../ports.js";
import { onDatabase } from "./restore-context.js";
import type { RestorePlan } from "./restore-plan.js";

const noteSchema = z.object({
  fiber: z.literal("quarantine"),
  format: z.literal(1),
  /** The restore that put it there. */
  restore: z.string(),
  /** ISO times. */
  since: z.string(),
  keepUntil: z.string(),
});

/** A database that a restore replaced, kept for undo and for looking things up. */
export interface Quarantine extends Omit<z.infer<typeof noteSchema>, "fiber" | "format"> {
  readonly database: string;
  readonly oid: number;
  readonly sizeBytes: number;
}

/** The note on a quarantine's database, from which it is known again. */
export function quarantineComment(plan: RestorePlan): string {
  return JSON.stringify({
    fiber: "quarantine",
    format: 1,
    restore: plan.id,
    since: new Date().toISOString(),
    keepUntil: plan.keepUntil,
  });
}

/** The quarantines of a server, newest first. */
export async function listQuarantines(ports: DataPorts): Promise<readonly Quarantine[]> {
  const databases = await onDatabase(ports, null, (s) => listDatabases(s, ports.database));
  return databases
    .flatMap((found): readonly Quarantine[] => {
      const note = readNote(found.comment);
      if (note === null) return [];
      const { restore, since, keepUntil } = note;
      const { name: database, oid, sizeBytes } = found;
      return [{ database, oid, sizeBytes, restore, since, keepUntil }];
    })
    .sort((a, b) => b.since.localeCompare(a.since));
}

/**
 * Drops one quarantine.
 *
 * @throws FiberError QUARANTINE_NOT_FOUND for a database that is none
 */
export async function dropQuarantine(ports: DataPorts, database: string): Promise<Quarantine> {
  const found = (await listQuarantines(ports)).find((one) => one.database === database);
  if (found === undefined) {
    throw new FiberError(
      "QUARANTINE_NOT_FOUND",
      `${database} is no quarantine of a restore, so it is left alone. See: fiber restore quarantine list`,
    );
  }
  await onDatabase(ports, null, (session) => dropDatabase(session, database));
  return found;
}

/** Drops the quarantines whose time is over; returns their names. */
export async function dropExpiredQuarantines(ports: DataPorts): Promise<readonly string[]> {
  const now = new Date(ports.clock.now()).toISOString();
  const expired = (await listQuarantines(ports)).filter((one) => one.keepUntil <= now);
  for (const { database } of expired) {
    await onDatabase(ports, null, (session) => dropDatabase(session, database));
    ports.log.info({ database }, "quarantine expired and dropped");
  }
  return expired.map((one) => one.database);
}

function readNote(comment: string | null): z.infer<typeof noteSchema> | null {
  try {
    return noteSchema.safeParse(JSON.parse(comment ?? "")).data ?? null;
  } catch {
    return null;
  }
}
