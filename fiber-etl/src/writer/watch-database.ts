import { FiberError } from "#contracts";
import { notifyChanges } from "#db";
import type { Fence } from "./outcomes.js";
import type { Session } from "./session.js";

/** What is watched for, and what is announced. */
export interface WatchOptions {
  readonly onFence: (fence: Fence | null) => void;
  readonly onDeletedNodes: (nodeIds: readonly string[]) => void;
  readonly onLost: (error: Error) => void;
  /** Takes the ids of the nodes that got samples since the last call. */
  readonly takeStoredNodes: () => readonly string[];
}

/** A running watch. */
export interface Watch {
  /** Looks at the deleted nodes before the next second is over. */
  hurry(): void;
  stop(): void;
}

/** A fence is seen within this time, and the writers' own guard sees it at once. */
const POLL_MS = 50;
const POLLS_PER_DELETED = 20;
const POLLS_PER_ANNOUNCEMENT = 10;

const POLL = {
  name: "fiber_ingest_poll",
  text: `
    SELECT to_regclass('series')::oid::int8::text AS series, fence.reason,
           extract(epoch FROM fence.expires_at - now())::float8 AS remaining_s
      FROM (VALUES (true)) AS one (row)
      LEFT JOIN ingest_fence fence ON fence.expires_at > now()`,
};

/**
 * Watches the database over a session's control connection: the fence and the tables each 50 ms,
 * deleted nodes each second; announces nodes with new samples at most twice a second.
 */
export function watchDatabase(session: Session, options: WatchOptions): Watch {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let polls = 0;
  let deletedAtPoll = 0;

  async function poll(): Promise<void> {
    const { rows } = await session.control.query<{
      series: string | null;
      reason: string | null;
      remaining_s: number | null;
    }>(POLL);
    const row = rows[0];
    if (stopped) return;
    if (Number(row?.series) !== session.seriesOid) {
      throw new FiberError("DATABASE_UNAVAILABLE", "The tables of the database were replaced.");
    }
    const reason = row?.reason ?? null;
    options.onFence(reason === null ? null : { reason, remainingS: row?.remaining_s ?? 0 });
    if (polls >= deletedAtPoll) await readDeleted();
    if (polls % POLLS_PER_ANNOUNCEMENT === 0) await announce();
    polls++;
  }

  async function readDeleted(): Promise<void> {
    deletedAtPoll = polls + POLLS_PER_DELETED;
    const { rows } = await session.control.query<{ node_id: string }>(
      "SELECT node_id FROM nodes WHERE deleted_at IS NOT NULL",
    );
    if (!stopped) options.onDeletedNodes(rows.map((row) => row.node_id));
  }

  async function announce(): Promise<void> {
    const ids = stopped ? [] : options.takeStoredNodes();
    if (ids.length > 0) await notifyChanges(session.control, { kind: "samples", ids });
  }

  async function tick(): Promise<void> {
    try {
      await poll();
    } catch (err) {
      if (!stopped) options.onLost(err as Error);
      return;
    }
    if (!stopped) timer = setTimeout(tick, POLL_MS);
  }

  void tick();
  return {
    hurry() {
      deletedAtPoll = 0;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
