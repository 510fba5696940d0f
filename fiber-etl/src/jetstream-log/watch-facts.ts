import type { Db } from "#db";
import type { Logger } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import type { Gate } from "../writer/gate.js";
import { keepSession } from "../writer/keep-session.js";
import type { Fence } from "../writer/outcomes.js";
import { openSession, type Session } from "../writer/session.js";
import { type Watch, watchDatabase } from "../writer/watch-database.js";
import type { KnownNodes } from "./known-nodes.js";

/** What is watched, and where it is told. */
export interface FactsOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly nodes: KnownNodes;
  readonly gate: Gate;
}

/**
 * Watches the database for what an API that only publishes must know: the fence, and nodes that
 * were deleted. While the database is away a fence stands until its own end.
 */
export function watchFacts(options: FactsOptions): { db(): Db | null; stop(): Promise<void> } {
  const { config, log, nodes, gate } = options;
  let session: Session | null = null;
  let watch: Watch | null = null;
  let fenceEnds: NodeJS.Timeout | undefined;

  function setFence(fence: Fence | null): void {
    if ((fence !== null) !== gate.isFenced()) log.info({ fence }, "the ingest fence changed");
    gate.setFence(fence);
    clearTimeout(fenceEnds);
    if (fence === null) return;
    fenceEnds = setTimeout(
      () => gate.setFence(null),
      Math.min(fence.remainingS * 1_000, MAX_TIMER_MS),
    );
    fenceEnds.unref();
  }

  const keeper = keepSession<Session>({
    log,
    what: "its database (samples are taken without it)",
    open: () =>
      openSession({
        connectionString: config.FIBER_DATABASE_URL,
        name: "fiber-watch",
        writers: 0,
        notesApplied: false,
        onBroken: (error) => keeper.lose(error),
        onNotification: (payload) => {
          if (payload.includes('"nodes"')) watch?.hurry();
        },
      }),
    onOpen(opened) {
      session = opened;
      watch = watchDatabase(opened, {
        onFence: setFence,
        onDeletedNodes: (nodeIds) => nodes.setDeleted(nodeIds),
        onLost: (error) => {
          if (opened === session) keeper.lose(error);
        },
        takeStoredNodes: () => [],
      });
    },
    onAway() {
      watch?.stop();
      session = null;
    },
  });

  return {
    db: () => session?.control ?? null,
    async stop() {
      watch?.stop();
      clearTimeout(fenceEnds);
      await keeper.stop();
    },
  };
}

/** The longest that a timer can wait. */
const MAX_TIMER_MS = 2_147_483_647;
