import { createProgressPrinter, type DataPorts, urlOfDatabase } from "#rollback";
import { createLogger, stateFolder, systemClock } from "#runtime";
import { databaseUrl } from "./stack-access.js";

/** Ports for commands that back up and restore, and the end of their progress line. */
export interface CommandPorts {
  readonly ports: DataPorts;
  /** Leaves the terminal's progress line clean. */
  readonly endProgress: () => void;
}

/** Ports on this installation's database: FIBER_DATABASE_URL, else the embedded server. */
export async function openDataPorts(): Promise<CommandPorts> {
  const url = await databaseUrl();
  const printer = createProgressPrinter(process.stderr, systemClock);
  return {
    ports: {
      admin: urlOfDatabase(url, "postgres"),
      database: decodeURIComponent(new URL(url).pathname.slice(1)),
      stateDir: await stateFolder(),
      log: createLogger({ role: "fiber", level: "warn" }),
      clock: systemClock,
      progress: printer.progress,
    },
    endProgress: printer.end,
  };
}
