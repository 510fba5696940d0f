import type { AppendOutcome, IngestTrace } from "#contracts";
import { type Db, ensurePartitions } from "#db";
import type { Clock, Logger } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import { createCommitter } from "./committer.js";
import { createGate } from "./gate.js";
import type { MessageMark } from "./group.js";
import { type Append, createIntake, type IntakeLimits } from "./intake.js";
import { keepSession } from "./keep-session.js";
import {
  databaseUnavailable,
  type Fence,
  fenced,
  OVERLOADED,
  type Refusal,
  STORED,
} from "./outcomes.js";
import { createMissResolver } from "./resolve-misses.js";
import type { Rows } from "./rows.js";
import { createSeriesCache } from "./series-cache.js";
import { openSession, type Session, type SessionName } from "./session.js";
import type { StoreTools } from "./store-group.js";
import { type Watch, watchDatabase } from "./watch-database.js";

/** How to make a {@link Writer}. */
export interface WriterOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly name: SessionName;
  /** Whether what it writes comes from an ingest log whose messages are noted as applied. */
  readonly notesApplied: boolean;
  /** Called after each commit: rows that are new, rows in all. */
  readonly onStored?: (inserted: number, count: number) => void;
}

/** Rows to store, with where they come from. */
interface WriterAppend {
  readonly rows: Rows;
  readonly traces: readonly IngestTrace[];
  /** The message that counts as applied once the rows are stored; committed with them. */
  readonly mark: MessageMark | null;
}

/** Takes rows into PostgreSQL from this process. */
export interface Writer {
  /** Resolves after the commit, or says why nothing was kept. */
  append(append: WriterAppend): Promise<AppendOutcome>;
  /** Why appends are refused at this moment; null while they are taken. */
  refusal(): Refusal | null;
  /** A connection for queries about the log's position; null while there is none. */
  control(): Db | null;
  status(): { readonly depth: number; readonly lagS: number; readonly fenced: boolean };
  /** Finishes what is in flight, then releases connections. */
  close(): Promise<void>;
}

/** Enough to keep a connection busy while the next group collects. */
const GROUP_SAMPLES = 10_000;

/**
 * Makes a {@link Writer}: appends collect in a group while
 * the groups before them commit, and are answered when theirs has. Connects by itself and goes on
 * after the database went away, was replaced or migrated; meanwhile appends are refused with
 * DATABASE_UNAVAILABLE. A refused append whose commit was cut off may have been kept: sending it
 * again stores it once. An append that the database itself refuses rejects with FiberError
 * INVALID_SAMPLE, without harm to its neighbours.
 */
export function createWriter(options: WriterOptions): Writer {
  const { config, log, clock } = options;
  const limits = limitsOf(config);
  const cache = createSeriesCache();
  const gate = createGate();
  const intake = createIntake({ cache, clock, limits });
  const storedNodes = new Set<string>();
  let session: Session | null = null;
  let watch: Watch | null = null;
  let drained: (() => void) | null = null;

  const misses = createMissResolver({
    cache,
    session: () => session,
    admit: (append) => admitOrFail(append),
    onLost: (failed, error) => lose(failed, error),
  });
  const tools: StoreTools = {
    expectDuplicates: false,
    now: () => clock.now(),
    makePartitions: () => makePartitions(session, clock.now(), log),
    onFenced: () => {
      if (!gate.isFenced()) gate.setFence({ reason: "raised this moment", remainingS: 1 });
    },
    onStored: options.onStored ?? (() => {}),
    onUnable: (err) => log.error({ err }, "the database refuses writes"),
  };
  const committer = createCommitter({
    intake,
    tools,
    log,
    onLost: (failed, error) => lose(failed, error),
    onSettled(nodeIds) {
      for (const nodeId of nodeIds) storedNodes.add(nodeId);
      checkDrained();
    },
  });
  const keeper = keepSession({
    log,
    what: "its database",
    open: () =>
      openSession({
        connectionString: config.FIBER_DATABASE_URL,
        name: options.name,
        writers: config.FIBER_INGEST_CONNECTIONS,
        notesApplied: options.notesApplied,
        onBroken: (error) => keeper.lose(error),
        onNotification: (payload) => {
          if (payload.includes('"nodes"')) watch?.hurry();
        },
      }),
    onOpen: (opened) => begin(opened),
    onAway(error) {
      watch?.stop();
      session = null;
      committer.use(null);
      cache.clear();
      const away = databaseUnavailable(error.message);
      gate.setAway(away);
      // What is known of a fence is known from the database that is gone.
      gate.setFence(null);
      refuseWaiting(away);
    },
  });

  function begin(opened: Session): void {
    session = opened;
    committer.use(opened);
    gate.setAway(null);
    watch = watchDatabase(opened, {
      onFence(fence) {
        setFence(fence);
        // A connection that is stuck, behind a lock say, holds nobody up for longer than this.
        committer.hurry();
      },
      onDeletedNodes: (nodeIds) => cache.forgetNodes(nodeIds),
      onLost: (error) => lose(opened, error),
      takeStoredNodes() {
        const ids = [...storedNodes];
        storedNodes.clear();
        return ids;
      },
    });
    misses.kick();
  }

  function lose(failed: Session, error: Error): void {
    if (failed === session) keeper.lose(error);
  }

  function setFence(fence: Fence | null): void {
    if ((fence !== null) !== gate.isFenced()) log.info({ fence }, "the ingest fence changed");
    gate.setFence(fence);
    if (fence !== null) refuseWaiting(fenced(fence));
  }

  function refuseWaiting(outcome: Refusal): void {
    intake.refuseWaiting(outcome);
    misses.refuseWaiting(outcome);
    checkDrained();
  }

  function admitOrFail(append: Append): boolean {
    try {
      if (!intake.admit(append)) return false;
      committer.schedule();
    } catch (err) {
      append.fail(err as Error);
    }
    return true;
  }

  const depth = () => intake.depth() + misses.depth();
  function checkDrained(): void {
    if (drained !== null && depth() === 0) drained();
  }

  function append(incoming: WriterAppend): Promise<AppendOutcome> {
    if (gate.refusal !== null) return Promise.resolve(gate.refusal);
    if (incoming.rows.count === 0 && incoming.mark === null) return Promise.resolve(STORED);
    if (intake.isFull() || misses.depth() >= limits.maxPendingSamples) {
      return Promise.resolve(OVERLOADED);
    }
    return new Promise((settle, fail) => {
      const waiting = { ...incoming, settle, fail };
      if (session === null || !admitOrFail(waiting)) misses.add(waiting, clock.now());
    });
  }

  return {
    append,
    refusal: () => gate.refusal,
    control: () => session?.control ?? null,
    status() {
      const since = [intake.oldestMs(), misses.oldestMs()].filter((ms) => ms !== null);
      const lagMs = since.length === 0 ? 0 : Math.max(0, clock.now() - Math.min(...since));
      return { depth: depth(), lagS: lagMs / 1_000, fenced: gate.isFenced() };
    },
    async close() {
      gate.close();
      await new Promise<void>((resolve) => {
        drained = resolve;
        checkDrained();
      });
      watch?.stop();
      await keeper.stop();
    },
  };
}

function limitsOf(config: EtlConfig): IntakeLimits {
  return {
    maxPendingSamples: config.FIBER_INGEST_MAX_SAMPLES,
    maxPendingBytes: config.FIBER_INGEST_MAX_MB * 1024 * 1024,
    groupSamples: GROUP_SAMPLES,
  };
}

async function makePartitions(session: Session | null, nowMs: number, log: Logger): Promise<void> {
  if (session === null) throw new Error("the database went away");
  const made = await ensurePartitions(session.control, { nowMs, duringBackup: "go-on" });
  log.warn({ made }, "made partitions that the upkeep had not made ahead");
}
