import type { Clock } from "#runtime";
import type { DbConnection, DbPool } from "../pool.js";
import { CHANGES_CHANNEL, type Change } from "./notify-changes.js";

/** What a listener needs; every callback is called from the listener's own loop. */
export interface ListenOptions {
  readonly pool: DbPool;
  readonly clock: Clock;
  readonly onChange: (change: Change) => void;
  /** Listening again: whatever changed in between went unheard. */
  readonly onReady: () => void;
  readonly onLost: (err: unknown) => void;
}

const RETRY_MS = 1_000;
const PING_MS = 20_000;

/**
 * Listens for changes on a connection of its own out of the pool, and connects again whenever that
 * connection is lost. `stop` gives the connection back.
 */
export function listenChanges(options: ListenOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await listenOnce(options, stopping.signal);
      } catch (err) {
        options.onLost(err);
        await options.clock.sleep(RETRY_MS, stopping.signal);
      }
    }
  })();
  return {
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}

async function listenOnce(options: ListenOptions, signal: AbortSignal): Promise<void> {
  const connection = await options.pool.connect();
  const lost = new AbortController();
  const onError = (err: Error) => lost.abort(err);
  const onEnd = () => lost.abort(new Error("Connection terminated"));
  connection.on("error", onError);
  connection.on("end", onEnd);
  connection.on("notification", (message) => {
    const change = readChange(message.payload);
    if (change !== null) options.onChange(change);
  });
  try {
    await connection.query(`LISTEN ${CHANGES_CHANNEL}`);
    options.onReady();
    await keepAlive(connection, options.clock, AbortSignal.any([signal, lost.signal]));
    if (lost.signal.aborted) throw lost.signal.reason;
  } finally {
    connection.removeAllListeners("notification");
    connection.off("end", onEnd);
    // Never back into the pool: it would go on hearing. A late error still needs its listener.
    connection.release(true);
  }
}

async function keepAlive(connection: DbConnection, clock: Clock, signal: AbortSignal) {
  while (!signal.aborted) {
    await clock.sleep(PING_MS, signal);
    if (!signal.aborted) await connection.query("SELECT 1");
  }
}

/** The change that a payload tells of, null when it is not ours. */
export function readChange(payload: string | undefined): Change | null {
  try {
    const value = JSON.parse(payload ?? "") as Partial<Change>;
    const { kind, ids } = value;
    const known = kind === "samples" || kind === "nodes" || kind === "posture";
    const named = ids === "*" || (Array.isArray(ids) && ids.every((id) => typeof id === "string"));
    return known && named ? { kind, ids } : null;
  } catch {
    return null;
  }
}
