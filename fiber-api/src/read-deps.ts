import type { Db } from "#db";
import type { Clock } from "#runtime";
import type { AccessHook } from "./auth/access.js";

/** What routes that read are made of. */
export interface ReadDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly mayRead: AccessHook;
}
