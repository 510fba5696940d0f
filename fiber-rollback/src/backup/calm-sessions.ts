import { readFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { openSession, sessionsNamed } from "#db";
import type { Logger } from "#runtime";
import { connectionEnv } from "../pg-tools.js";

const EVERY_MS = 100;
const FOR_MS = 10_000;
/** The session that reads figures, and pg_dump's. */
const SESSIONS = 2;

/**
 * Lets ingest and reads go before a backup on a server of this machine: the server processes that
 * serve the backup get a lower priority as soon as they show up. Where that is not allowed (another
 * user's server) or not possible (another machine's) nothing happens. Never rejects.
 */
export async function calmBackupSessions(
  url: string,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { PGHOST = "", PGAPPNAME = "" } = connectionEnv(url);
  if (!/^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/.test(PGHOST)) return;
  try {
    const session = await openSession(url, "fiber backup watch");
    try {
      const calmed = new Set<number>();
      for (let waited = 0; waited < FOR_MS && calmed.size < SESSIONS; waited += EVERY_MS) {
        for (const pid of await sessionsNamed(session, PGAPPNAME)) {
          if (!calmed.has(pid)) await calm(pid);
          calmed.add(pid);
        }
        await sleep(EVERY_MS, undefined, { signal });
      }
    } finally {
      await session.close();
    }
  } catch (err) {
    if (!signal.aborted) log.debug({ err }, "the backup runs at normal priority");
  }
}

/** A forwarded port looks local too: only what is a server process here is touched. */
async function calm(pid: number): Promise<void> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
  if (command.startsWith("postgres:")) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
}
