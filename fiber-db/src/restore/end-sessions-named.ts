import { setTimeout as sleep } from "node:timers/promises";
import { withSession } from "./session.js";

const WAIT_MS = 10_000;

/** Ends the sessions with this application name and waits until they are gone. */
export async function endSessionsNamed(admin: string, name: string): Promise<void> {
  await withSession(admin, async (session) => {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const { rowCount } = await session.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = $1 AND pid <> pg_backend_pid()`,
        [name],
      );
      if (rowCount === 0 || Date.now() > deadline) return;
      await sleep(20);
    }
  });
}
