import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { backupsFolder } from "../backup/places.js";
import { makePrivateFolder, writeDurably } from "../durable-files.js";

const stateSchema = z.object({
  format: z.literal(1),
  /** The cron expression in force, null while the schedule is off. */
  cron: z.string().nullable(),
  /** Since when it is in force, epoch ms. */
  sinceMs: z.number(),
  lastOkMs: z.number().nullable(),
  /** What the last run died of, null after a good one. */
  lastError: z.string().nullable(),
});

/** What the schedule remembers between runs, restarts and processes. */
export type ScheduleState = z.infer<typeof stateSchema>;

/** Reads it; null when there has never been a schedule. */
export async function readScheduleState(stateDir: string): Promise<ScheduleState | null> {
  const text = await readFile(file(stateDir), "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    return null;
  });
  return text === null ? null : stateSchema.parse(JSON.parse(text));
}

/** Writes it. */
export async function writeScheduleState(stateDir: string, state: ScheduleState): Promise<void> {
  await makePrivateFolder(backupsFolder(stateDir));
  await writeDurably(file(stateDir), `${JSON.stringify(state)}\n`);
}

function file(stateDir: string): string {
  return join(backupsFolder(stateDir), "schedule.json");
}
