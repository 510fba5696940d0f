import { type AppendOutcome, FiberError } from "#contracts";
import { classifyWriteError, resolveSeries, type SeriesKey } from "#db";
import type { Append } from "./intake.js";
import { databaseUnavailable } from "./outcomes.js";
import type { SeriesCache } from "./series-cache.js";
import type { Session } from "./session.js";

/** What resolving needs of the log. */
export interface ResolverOptions {
  readonly cache: SeriesCache;
  /** The present session, null while there is none. */
  readonly session: () => Session | null;
  /** Tries an append again now that its series are known. */
  readonly admit: (append: Append) => boolean;
  /** The session failed while it was asked for series. */
  readonly onLost: (session: Session, error: Error) => void;
}

/** Appends whose series are not in memory, resolved together, one query at a time. */
export interface MissResolver {
  add(append: Append, nowMs: number): void;
  /** Starts resolving what waits, as soon as there is a session. */
  kick(): void;
  refuseWaiting(outcome: AppendOutcome): void;
  /** Samples that wait. */
  depth(): number;
  oldestMs(): number | null;
}

interface Miss extends Append {
  readonly atMs: number;
  attempts: number;
}

/** A concurrent insert of the same series can hide it from one answer, hardly from three. */
const MAX_ATTEMPTS = 3;

/** Makes a {@link MissResolver}. */
export function createMissResolver(options: ResolverOptions): MissResolver {
  let waiting: Miss[] = [];
  let asked: readonly Miss[] = [];
  let depth = 0;

  function finish(miss: Miss, act: () => void): void {
    depth -= miss.rows.count;
    act();
  }

  function refuse(misses: readonly Miss[], outcome: AppendOutcome): void {
    for (const miss of misses) finish(miss, () => miss.settle(outcome));
  }

  function place(miss: Miss, deleted: ReadonlySet<string>): void {
    const gone = miss.rows.findNode(deleted);
    if (gone !== undefined) {
      finish(miss, () => miss.settle({ kind: "node-deleted", nodeId: gone }));
    } else if (options.admit(miss)) {
      depth -= miss.rows.count;
    } else if (miss.attempts < MAX_ATTEMPTS) {
      miss.attempts++;
      waiting.push(miss);
    } else {
      finish(miss, () => miss.settle(databaseUnavailable("its series could not be made")));
    }
  }

  async function resolve(session: Session, misses: readonly Miss[]): Promise<void> {
    try {
      const resolved = await resolveSeries(session.control, missingKeys(misses, options.cache));
      if (session !== options.session()) {
        return refuse(misses, databaseUnavailable("the connection to the database broke"));
      }
      options.cache.add(resolved);
      const deleted = new Set(resolved.deletedNodes);
      for (const miss of misses) place(miss, deleted);
    } catch (err) {
      await handleFailure(session, misses, err as Error);
    }
  }

  async function handleFailure(
    session: Session,
    misses: readonly Miss[],
    error: Error,
  ): Promise<void> {
    const outcome = classifyWriteError(error, true);
    const [only, ...others] = misses;
    if (outcome.kind === "bad-data" && others.length > 0) {
      for (const miss of misses) await resolve(session, [miss]);
    } else if (outcome.kind === "bad-data" && only !== undefined) {
      finish(only, () => only.fail(refusedByDatabase(error)));
    } else {
      if (outcome.kind === "lost") options.onLost(session, error);
      refuse(misses, databaseUnavailable("its series cannot be looked up"));
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const session = options.session();
      if (session === null || waiting.length === 0) break;
      asked = waiting;
      waiting = [];
      await resolve(session, asked);
      asked = [];
    }
  }

  let running = false;
  function kick(): void {
    if (running) return;
    running = true;
    void run().finally(() => {
      running = false;
      if (waiting.length > 0 && options.session() !== null) kick();
    });
  }

  return {
    add(append, nowMs) {
      depth += append.rows.count;
      waiting.push({ ...append, atMs: nowMs, attempts: 1 });
      kick();
    },
    kick,
    refuseWaiting(outcome) {
      const refused = waiting;
      waiting = [];
      refuse(refused, outcome);
    },
    depth: () => depth,
    oldestMs: () => (asked[0] ?? waiting[0])?.atMs ?? null,
  };
}

function missingKeys(misses: readonly Miss[], cache: SeriesCache): readonly SeriesKey[] {
  const keys = new Map<string, SeriesKey>();
  for (const miss of misses) {
    for (const { nodeId, target, check, country, region } of miss.rows.unknownSeries(cache)) {
      keys.set(`${nodeId}\n${check}\n${target}`, { nodeId, target, check, country, region });
    }
  }
  return [...keys.values()];
}

function refusedByDatabase(cause: Error): FiberError {
  return new FiberError(
    "INVALID_SAMPLE",
    `The database refuses the names in these samples: ${cause.message}. Nothing is stored; mend them.`,
    { cause },
  );
}
