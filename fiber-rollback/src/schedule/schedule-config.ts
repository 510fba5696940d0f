import { Cron } from "croner";
import { z } from "zod";
import { booleanVariable } from "#runtime";

/** A cron expression (UTC, five fields or six with seconds); absent or "off" means never. */
const cronVariable = z
  .string()
  .default("off")
  .refine((text) => text === "off" || isCron(text), {
    message: 'is not a cron expression such as "15 2 * * *", nor "off"',
  });

/** When the stack takes backups by itself; off until it is configured. */
export const backupScheduleSchema = z.object({
  /** Dumps. */
  FIBER_BACKUP_SCHEDULE: cronVariable,
  /** Base backups for the WAL archive. */
  FIBER_BACKUP_BASE_SCHEDULE: cronVariable,
  /** age recipient; scheduled backups are then encrypted, and not proven (the key is elsewhere). */
  FIBER_BACKUP_RECIPIENT: z.string().optional(),
  /** Folder or command that gets a copy of each backup. */
  FIBER_BACKUP_COPY_TO: z.string().optional(),
  /** Whether each backup is proven by a trial restore. */
  FIBER_BACKUP_PROVE: booleanVariable.default(true),
});

/** See {@link backupScheduleSchema}. */
export type BackupScheduleConfig = z.output<typeof backupScheduleSchema>;

function isCron(text: string): boolean {
  try {
    // Paused at once: only the pattern is of interest.
    new Cron(text, { paused: true }).stop();
    return true;
  } catch {
    return false;
  }
}
