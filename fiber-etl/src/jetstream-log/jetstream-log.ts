import type { AppendOutcome, IngestLog, IngestTrace, Sample } from "#contracts";
import { type Clock, type Logger, systemClock } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import { openQueue, type Queue } from "../queue/open-queue.js";
import { createGate } from "../writer/gate.js";
import { keepSession } from "../writer/keep-session.js";
import { OVERLOADED, queueUnavailable, STORED } from "../writer/outcomes.js";
import { createBatches } from "./batches.js";
import { createHeldMessages } from "./held-messages.js";
import { createKnownNodes } from "./known-nodes.js";
import { createPublisher } from "./publisher.js";
import { watchFacts } from "./watch-facts.js";
import { watchStream } from "./watch-stream.js";

/** How to open a {@link createJetStreamLog JetStream log}. */
export interface JetStreamLogOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * The IngestLog that publishes to NATS JetStream: appends share messages and are answered when the
 * server has acknowledged theirs; `fiber etl` processes store them. Needs no database to take
 * samples; while there is one, fences and deleted nodes are honoured. A message in flight when the
 * connection breaks is published again on the next one and stored once. What was acknowledged is
 * kept in memory until the database has it, and published again if the stream loses it.
 */
export function createJetStreamLog(options: JetStreamLogOptions): IngestLog {
  const { config, log, clock = systemClock } = options;
  const maxBytes = config.FIBER_INGEST_MAX_MB * 1024 * 1024;
  const gate = createGate();
  gate.setAway(queueUnavailable("not connected yet"));
  const batches = createBatches();
  const held = createHeldMessages(maxBytes);
  const nodes = createKnownNodes();
  const ending = new AbortController();
  let queue: Queue | null = null;
  let drained: (() => void) | null = null;
  let asking = 0;

  const checkDrained = () => {
    if (drained !== null && asking === 0 && batches.depth() === 0) drained();
  };
  const publisher = createPublisher({
    batches,
    held,
    log,
    clock,
    onLost: (failed, error) => lose(failed, error),
    onSettled: checkDrained,
  });
  const facts = watchFacts({ config, log, nodes, gate });
  const keeper = keepSession<Queue>({
    log,
    what: "its stream",
    open: () =>
      openQueue({ config, log, name: "fiber-api", onBroken: (error) => keeper.lose(error) }),
    onOpen(opened) {
      queue = opened;
      gate.setAway(null);
      publisher.use(opened);
    },
    onAway(error) {
      queue = null;
      publisher.use(null);
      const away = queueUnavailable(error.message);
      gate.setAway(away);
      batches.refuseWaiting(away);
      checkDrained();
    },
  });
  const watch = watchStream(
    {
      queue: () => queue,
      db: () => facts.db(),
      clock,
      log,
      onApplied: (streamId, runs) => held.dropApplied(streamId, runs),
      onLost: (failed, error) => lose(failed, error),
    },
    ending.signal,
  );

  function lose(failed: Queue, error: Error): void {
    if (failed === queue) keeper.lose(error);
  }

  function put(samples: readonly Sample[], trace: IngestTrace): Promise<AppendOutcome> {
    const outcome = batches.add(samples, trace, clock.now());
    publisher.schedule();
    return outcome;
  }

  async function putWhenKnown(
    samples: readonly Sample[],
    trace: IngestTrace,
    asked: Promise<string | undefined>,
  ): Promise<AppendOutcome> {
    asking++;
    try {
      const nodeId = await asked;
      if (nodeId !== undefined) return { kind: "node-deleted", nodeId };
      // Closing waits for what was taken before: only what else happened meanwhile counts.
      return await (gate.refusal !== null && drained === null ? gate.refusal : put(samples, trace));
    } finally {
      asking--;
      checkDrained();
    }
  }

  async function append(samples: readonly Sample[], trace: IngestTrace): Promise<AppendOutcome> {
    if (gate.refusal !== null) return gate.refusal;
    if (samples.length === 0) return STORED;
    if (batches.depth() >= config.FIBER_INGEST_MAX_SAMPLES || batches.bytes() >= maxBytes) {
      return OVERLOADED;
    }
    const gone = nodes.findDeleted(samples, facts.db());
    if (gone instanceof Promise) return putWhenKnown(samples, trace, gone);
    return gone === undefined ? put(samples, trace) : { kind: "node-deleted", nodeId: gone };
  }

  return {
    append,
    status() {
      const view = watch.view();
      const since = [batches.oldestMs(), view?.oldestMs ?? null].filter((ms) => ms !== null);
      const lagMs = since.length === 0 ? 0 : Math.max(0, clock.now() - Math.min(...since));
      return {
        log: "jetstream",
        depth: view?.depth ?? 0,
        lagS: lagMs / 1_000,
        fenced: gate.isFenced(),
        queue: view === null ? null : { ...view.queue, connected: queue !== null },
      };
    },
    async close() {
      gate.close();
      await new Promise<void>((resolve) => {
        drained = resolve;
        checkDrained();
      });
      ending.abort();
      await watch.ended;
      await facts.stop();
      await keeper.stop();
    },
  };
}
