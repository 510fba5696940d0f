import type { Logger } from "#runtime";
import type { Group } from "./group.js";
import type { Intake } from "./intake.js";
import type { Session } from "./session.js";
import { type StoreTools, storeGroup } from "./store-group.js";

/** What committing needs of the log. */
export interface CommitterOptions {
  readonly intake: Intake;
  readonly tools: StoreTools;
  readonly log: Logger;
  readonly onLost: (session: Session, error: Error) => void;
  /** Called after each group, with the nodes that it held samples of. */
  readonly onSettled: (nodeIds: ReadonlySet<string>) => void;
}

/** Hands groups to connections as these become idle. */
export interface Committer {
  /** Uses the connections of this session from now on; null while there is none. */
  use(session: Session | null): void;
  /** Something waits: it is sent at the end of this turn of the event loop. */
  schedule(): void;
  /** Sends what waits now, by any idle connection. */
  hurry(): void;
}

/**
 * While one connection commits, another is used from this many waiting samples on. Fewer wait for
 * the commit under way: many small transactions cost more than they gain.
 */
const PARALLEL_SAMPLES = 1_000;

/** Makes a {@link Committer}. */
export function createCommitter(options: CommitterOptions): Committer {
  const { intake, tools, log } = options;
  let session: Session | null = null;
  let idle: number[] = [];
  let scheduled = false;

  // At the end of this turn, so that all requests that it read share one commit.
  function schedule(): void {
    if (scheduled || idle.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flush(PARALLEL_SAMPLES);
    });
  }

  function flush(parallelFrom: number): void {
    while (session !== null && idle.length > 0) {
      const busy = idle.length < session.writers.length;
      if (busy && intake.waitingRows() < parallelFrom) return;
      const group = intake.take();
      if (group === undefined) return;
      void store(session, idle.pop() ?? 0, group);
    }
  }

  async function store(target: Session, index: number, group: Group): Promise<void> {
    const lost = await storeAll(target, index, group);
    if (log.isLevelEnabled("debug")) logGroup(log, group);
    const nodeIds = new Set(group.nodeIds);
    intake.release(group);
    if (lost !== null) options.onLost(target, lost);
    else if (target === session) idle.push(index);
    schedule();
    options.onSettled(nodeIds);
  }

  async function storeAll(target: Session, index: number, group: Group): Promise<Error | null> {
    try {
      const writer = target.writers[index];
      if (writer === undefined) throw new Error(`There is no connection ${index}`);
      return await storeGroup(writer, group, tools);
    } catch (err) {
      log.error({ err }, "storing a group failed");
      for (const waiter of group.waiters) waiter.fail(err as Error);
      return err as Error;
    }
  }

  return {
    use(next) {
      session = next;
      idle = next === null ? [] : next.writers.map((_, index) => index);
    },
    schedule,
    hurry: () => flush(0),
  };
}

function logGroup(log: Logger, group: Group): void {
  let rows = 0;
  for (const { traces, mark, endRow } of group.waiters) {
    const samples = endRow - rows;
    const seq = mark === null ? {} : { seq: mark.seq };
    for (const trace of traces) {
      log.debug({ ...trace, ...seq, samples }, "samples sent to the database");
    }
    rows = endRow;
  }
}
