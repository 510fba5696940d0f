import pg from "pg";
import type { Logger } from "#runtime";

/** How leadership is held. */
export interface LeadershipOptions {
  readonly databaseUrl: string;
  readonly log: Logger;
  /** Called when this process becomes the leader; the signal is aborted when it no longer is. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/** First half of the advisory lock's key; the second is the hash of the database's name. */
const LEADER_LOCK_KEY = 4_711_003;

const RETRY_MS = 1_000;

/**
 * Takes part in the election until the signal is aborted: one session advisory lock, held in the
 * server's database `postgres`, so that it is in nobody's way when our database is renamed. Who
 * dies or loses the connection loses the lock with it.
 */
export async function holdLeadership(options: LeadershipOptions): Promise<void> {
  const { log, signal } = options;
  let logged = "";
  while (!signal.aborted) {
    try {
      await campaign(options);
      logged = "";
    } catch (err) {
      const message = (err as Error).message;
      if (message !== logged) log.warn({ err }, "upkeep cannot reach the server of its lock");
      logged = message;
    }
    await wait(RETRY_MS, signal);
  }
}

async function campaign({ databaseUrl, log, lead, signal }: LeadershipOptions): Promise<void> {
  const { lockUrl, database } = lockTarget(databaseUrl);
  const client = new pg.Client({
    connectionString: lockUrl,
    application_name: "fiber-upkeep-leader",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  const lost = new AbortController();
  client.on("error", () => lost.abort());
  client.on("end", () => lost.abort());
  try {
    await client.connect();
    const until = AbortSignal.any([signal, lost.signal]);
    while (!(await tryLock(client, database))) {
      await wait(RETRY_MS, until);
      if (until.aborted) return;
    }
    log.info({ database }, "upkeep leads");
    await lead(until);
  } finally {
    await client.end();
  }
}

async function tryLock(client: pg.Client, database: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked",
    [LEADER_LOCK_KEY, database],
  );
  return rows[0]?.locked ?? false;
}

function lockTarget(databaseUrl: string): { lockUrl: string; database: string } {
  const url = new URL(databaseUrl);
  const database = decodeURIComponent(url.pathname.slice(1));
  url.pathname = "/postgres";
  return { lockUrl: url.href, database };
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
