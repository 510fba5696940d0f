import { expect } from "vitest";
import type { IngestLog, Sample } from "#contracts";
import type { DbPool } from "#db";
import { makeSample, readStored } from "../ingest-log-conformance.itest-kit.js";
import { trace } from "./queue-stage.itest-kit.js";

/** Appends under way, and the client's own list of what was acknowledged. */
export interface Load {
  acknowledged(): number;
  refusals(): number;
  /** Resolves when at least so many more samples were acknowledged. */
  more(samples: number): Promise<void>;
  /** Ends the load; a batch under way is tried until it is acknowledged. */
  stop(): Promise<void>;
  /** Every acknowledged sample is stored once, value for value, and nothing that was never sent. */
  expectExact(pool: DbPool): Promise<void>;
}

const PUMPS = 12;

/**
 * Starts pumps that each send a batch again and again until it is stored, as probes do.
 *
 * @param pauseMs between a pump's batches
 */
export function startLoad(ingest: IngestLog, pauseMs = 1): Load {
  const sent = new Map<string, Sample>();
  const acknowledged: Sample[] = [];
  let refusals = 0;
  let stopped = false;
  const base = Date.now();

  async function pump(index: number): Promise<void> {
    for (let round = 0; !stopped; round++) {
      const batch = makeBatch(index, base - round * 10);
      for (const sample of batch) sent.set(identity(sample), sample);
      while ((await ingest.append(batch, trace)).kind !== "stored") {
        refusals++;
        await pause(25);
      }
      acknowledged.push(...batch);
      await pause(pauseMs);
    }
  }

  const pumps = Array.from({ length: PUMPS }, (_, index) => pump(index));
  return {
    acknowledged: () => acknowledged.length,
    refusals: () => refusals,
    async more(samples) {
      const wanted = acknowledged.length + samples;
      while (acknowledged.length < wanted) await pause(10);
    },
    async stop() {
      stopped = true;
      await Promise.all(pumps);
    },
    expectExact: (pool) => expectStored(pool, { acknowledged, sent }),
  };
}

/** See {@link Load.expectExact}. */
export async function expectStored(
  pool: DbPool,
  what: { acknowledged: readonly Sample[]; sent: ReadonlyMap<string, Sample> },
): Promise<void> {
  const stored = await readStored(pool);
  const found = new Map(stored.map((sample) => [identity(sample), JSON.stringify(sample)]));
  expect(found.size).toBe(stored.length);
  const missing = what.acknowledged.filter(
    (sample) => found.get(identity(sample)) !== JSON.stringify(sample),
  );
  expect({ acknowledged: what.acknowledged.length, missing }).toEqual({
    acknowledged: what.acknowledged.length,
    missing: [],
  });
  expect(stored.filter((sample) => !what.sent.has(identity(sample)))).toEqual([]);
}

/** Batches of 1 to 7 samples of one node, with metadata now and then. */
function makeBatch(pump: number, timeMs: number): readonly Sample[] {
  return Array.from({ length: 1 + (timeMs % 7) }, (_, index) =>
    makeSample({
      nodeId: `node-${pump}`,
      target: `host-${index}`,
      timeMs: timeMs - index,
      latencyMs: (timeMs % 1_000) / 7 + index,
      metadata: index === 0 ? `{"n": ${timeMs}}` : null,
    }),
  );
}

/** The key that names a sample. */
export function identity({ nodeId, target, check, timeMs }: Sample): string {
  return `${nodeId}|${target}|${check}|${timeMs}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
