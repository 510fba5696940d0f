import type { Clock, Logger } from "#runtime";
import type { Progress } from "./progress.js";

/** What backups, fence and restores work on. */
export interface DataPorts {
  /** Connection string of a superuser in the database `postgres`. */
  readonly admin: string;
  /** The database that holds our data: "fiberstack". */
  readonly database: string;
  /** The installation's state folder, absolute. */
  readonly stateDir: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Ends long work early: programs are killed, and what they began is removed. */
  readonly signal?: AbortSignal;
}
