import type { AppendOutcome, IngestLog, IngestTrace, Sample } from "#contracts";
import { ensurePartitions } from "#db";
import { type Clock, type Logger, systemClock } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import type { Group } from "./group.js";
import { type Append, createIntake, type IntakeLimits } from "./intake.js";
import { keepSession } from "./keep-session.js";
import {
  databaseUnavailable,
  type Fence,
  fenced,
  OVERLOADED,
  type Refusal,
  SHUTTING_DOWN,
  STORED,
} from "./outcomes.js";
import { createMissResolver } from "./resolve-misses.js";
import { createSeriesCache } from "./series-cache.js";
import { openSession, type Session } from "./session.js";
import { type StoreTools, storeGroup } from "./store-group.js";
import { type Watch, watchDatabase } from "./watch-database.js";

/** How to open a {@link createDirectLog direct log}. */
export interface DirectLogOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Enough to keep a connection busy while the next group collects. */
const GROUP_SAMPLES = 10_000;
/**
 * While one connection commits, another is used from this many waiting samples on. Fewer wait for
 * the commit under way: many small transactions cost more than they gain.
 */
const PARALLEL_SAMPLES = 1_000;

/**
 * The IngestLog that commits to PostgreSQL from this process: appends collect in a group while
 * the groups before them commit, and are answered when theirs has. Connects by itself and goes on
 * after the database went away, was replaced or migrated; meanwhile appends are refused with
 * DATABASE_UNAVAILABLE. A refused append whose commit was cut off may have been kept: sending it
 * again stores it once. An append that the database itself refuses rejects with FiberError
 * INVALID_SAMPLE, without harm to its neighbours.
 */
export function createDirectLog(options: DirectLogOptions): IngestLog {
  const { config, log, clock = systemClock } = options;
  const limits: IntakeLimits = {
    maxPendingSamples: config.FIBER_INGEST_MAX_SAMPLES,
    maxPendingBytes: config.FIBER_INGEST_MAX_MB * 1024 * 1024,
    groupSamples: GROUP_SAMPLES,
  };
  const cache = createSeriesCache();
  const intake = createIntake({ cache, clock, limits });
  const misses = createMissResolver({
    cache,
    session: () => session,
    admit: (append) => admitOrFail(append),
    onLost: (failed, error) => lose(failed, error),
  });
  let session: Session | null = null;
  let watch: Watch | null = null;
  let idle: number[] = [];
  let away: Refusal | null = null;
  let fence: Fence | null = null;
  let closing = false;
  /** The answer to every append while it is set. */
  let refusal: Refusal | null = null;
  let flushScheduled = false;
  let drained: (() => void) | null = null;
  const storedNodes = new Set<string>();

  const tools: StoreTools = {
    expectDuplicates: false,
    now: () => clock.now(),
    async makePartitions() {
      if (session === null) throw new Error("the database went away");
      const made = await ensurePartitions(session.control, {
        nowMs: clock.now(),
        duringBackup: "go-on",
      });
      log.warn({ made }, "made partitions that the upkeep had not made ahead");
    },
    onFenced() {
      fence ??= { reason: "raised this moment", remainingS: 1 };
      updateRefusal();
    },
    onUnable: (err) => log.error({ err }, "the database refuses writes"),
  };

  const keeper = keepSession({
    log,
    open: () =>
      openSession({
        connectionString: config.FIBER_DATABASE_URL,
        writers: config.FIBER_INGEST_CONNECTIONS,
        onBroken: (error) => keeper.lose(error),
        onNotification: (payload) => {
          if (payload.includes('"nodes"')) watch?.hurry();
        },
      }),
    onOpen(opened) {
      session = opened;
      away = null;
      fence = null;
      idle = opened.writers.map((_, index) => index);
      watch = watchDatabase(opened, {
        onFence: (next) => {
          setFence(next);
          // A connection that is stuck, behind a lock say, holds nobody up for longer than this.
          flush(0);
        },
        onDeletedNodes: (nodeIds) => cache.forgetNodes(nodeIds),
        onLost: (error) => lose(opened, error),
        takeStoredNodes,
      });
      updateRefusal();
      misses.kick();
    },
    onAway(error) {
      watch?.stop();
      session = null;
      cache.clear();
      idle = [];
      away = databaseUnavailable(error.message);
      updateRefusal();
      refuseWaiting(away);
    },
  });

  function lose(failed: Session, error: Error): void {
    if (failed === session) keeper.lose(error);
  }

  function takeStoredNodes(): readonly string[] {
    const ids = [...storedNodes];
    storedNodes.clear();
    return ids;
  }

  function setFence(next: Fence | null): void {
    if ((next === null) !== (fence === null)) log.info({ fence: next }, "the ingest fence changed");
    fence = next;
    updateRefusal();
    if (next !== null) refuseWaiting(fenced(next));
  }

  function updateRefusal(): void {
    refusal = closing ? SHUTTING_DOWN : (away ?? (fence === null ? null : fenced(fence)));
  }

  function refuseWaiting(outcome: Refusal): void {
    intake.refuseWaiting(outcome);
    misses.refuseWaiting(outcome);
    checkDrained();
  }

  function admitOrFail(append: Append): boolean {
    try {
      if (!intake.admit(append)) return false;
      scheduleFlush();
    } catch (err) {
      append.fail(err as Error);
    }
    return true;
  }

  // At the end of this turn of the event loop, so that all requests it read share one commit.
  function scheduleFlush(): void {
    if (flushScheduled || idle.length === 0) return;
    flushScheduled = true;
    setImmediate(flush, PARALLEL_SAMPLES);
  }

  function flush(parallelFrom: number): void {
    flushScheduled = false;
    if (session === null) return;
    while (idle.length > 0) {
      const busy = idle.length < config.FIBER_INGEST_CONNECTIONS;
      if (busy && intake.waitingRows() < parallelFrom) return;
      const group = intake.take();
      if (group === undefined) return;
      void store(session, idle.pop() ?? 0, group);
    }
  }

  async function store(target: Session, index: number, group: Group): Promise<void> {
    const writer = target.writers[index];
    if (writer === undefined) return;
    let lost: Error | null;
    try {
      lost = await storeGroup(writer, group, tools);
    } catch (err) {
      log.error({ err }, "storing a group failed");
      for (const waiter of group.waiters) waiter.fail(err as Error);
      lost = err as Error;
    }
    for (const nodeId of group.nodeIds) storedNodes.add(nodeId);
    if (log.isLevelEnabled("debug")) logGroup(log, group);
    intake.release(group);
    if (lost !== null) lose(target, lost);
    else if (target === session) idle.push(index);
    scheduleFlush();
    checkDrained();
  }

  function checkDrained(): void {
    if (drained !== null && intake.depth() + misses.depth() === 0) drained();
  }

  function append(samples: readonly Sample[], trace: IngestTrace): Promise<AppendOutcome> {
    if (refusal !== null) return Promise.resolve(refusal);
    if (samples.length === 0) return Promise.resolve(STORED);
    if (intake.isFull() || misses.depth() >= limits.maxPendingSamples) {
      return Promise.resolve(OVERLOADED);
    }
    return new Promise((settle, fail) => {
      const incoming = { samples, trace, settle, fail };
      if (session === null || !admitOrFail(incoming)) misses.add(incoming, clock.now());
    });
  }

  return {
    append,
    status() {
      const since = [intake.oldestMs(), misses.oldestMs()].filter((ms) => ms !== null);
      const lagMs = since.length === 0 ? 0 : Math.max(0, clock.now() - Math.min(...since));
      return {
        log: "direct",
        depth: intake.depth() + misses.depth(),
        lagS: lagMs / 1_000,
        fenced: fence !== null,
      };
    },
    async close() {
      closing = true;
      updateRefusal();
      await new Promise<void>((resolve) => {
        drained = resolve;
        checkDrained();
      });
      watch?.stop();
      await keeper.stop();
    },
  };
}

function logGroup(log: Logger, group: Group): void {
  let rows = 0;
  for (const { trace, endRow } of group.waiters) {
    log.debug({ ...trace, samples: endRow - rows }, "samples stored");
    rows = endRow;
  }
}
