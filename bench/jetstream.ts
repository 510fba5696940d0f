import { rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "#runtime";
import { type Bench, type BenchRow, median } from "./bench.js";
import { startServer, stopChild } from "./children.js";
import type { LoadReport } from "./ingest-load.js";
import { expectRows, issueTokens, sendLoad, UNLIMITED } from "./ingest-stage.js";
import { drainRate, type QueueStage, startQueueStage, startWriters } from "./queue-stage.js";

/** BENCH_ROUNDS=1 gives a first impression. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const THOUSANDS = { batch: 1_000, total: 600_000, connections: 16 } as const;
const SINGLES = { batch: 1, total: 100_000, connections: 192 } as const;
/** Long enough that starting to read does not count. */
const SMALL = { batch: 1, total: 300_000, connections: 192 } as const;
const ALONE = { batch: 1_000, total: 1_000_000, connections: 16 } as const;

type Load = typeof THOUSANDS | typeof SINGLES | typeof SMALL | typeof ALONE;

/** Rates in samples a second, from the first request until the last row is committed. */
interface Round {
  readonly direct: { readonly thousands: number; readonly singles: number };
  readonly queue: {
    readonly thousands: number;
    readonly singles: number;
    readonly push: LoadReport;
  };
  readonly consumer: number;
  readonly copy: number;
  readonly one: number;
  readonly two: number;
}

/**
 * The ingest log jetstream against the direct log on the same PostgreSQL, taking turns, each from an
 * empty table; its consumer against a binary COPY of the same rows. Every sample is counted.
 */
export const jetstreamBench: Bench = {
  name: "jetstream",
  about: "durable end to end through JetStream, against the direct log and binary COPY",
  async run(report) {
    const stage = await startQueueStage();
    try {
      const tokens = await issueTokens(stage.pool);
      const rounds: Round[] = [];
      for (let index = 1; index <= ROUNDS; index++) {
        const round = await runRound(stage, tokens);
        report(`round ${index} of ${ROUNDS}: ${describeRound(round)}`);
        rounds.push(round);
      }
      return toRows(rounds);
    } finally {
      await stage.remove();
    }
  },
};

async function runRound(stage: QueueStage, tokens: readonly string[]): Promise<Round> {
  const direct = await runDirect(stage, tokens);
  const queue = await runQueue(stage, tokens);
  await fill(stage, tokens, ALONE);
  const consumer = await drainRate(stage, { samples: ALONE.total, processes: 1, connections: 2 });
  await expectRows(stage.pool, ALONE.total);
  const copy = await copyRate(stage);
  const rates: number[] = [];
  for (const processes of [1, 2]) {
    await fill(stage, tokens, SMALL);
    rates.push(await drainRate(stage, { samples: SMALL.total, processes, connections: 1 }));
    await expectRows(stage.pool, SMALL.total);
  }
  const [one = Number.NaN, two = Number.NaN] = rates;
  return { direct, queue, consumer, copy, one, two };
}

async function runDirect(stage: QueueStage, tokens: readonly string[]): Promise<Round["direct"]> {
  const api = await startServer(stage.url, {
    ...UNLIMITED,
    ...stage.env,
    FIBER_INGEST_LOG: "direct",
  });
  try {
    const rates: number[] = [];
    for (const load of [THOUSANDS, SINGLES]) {
      await empty(stage);
      const sent = await sendLoad({ port: api.port, tokens, baseMs: Date.now(), ...load });
      await expectRows(stage.pool, load.total);
      rates.push(sent.acknowledged / sent.seconds);
    }
    const [thousands = Number.NaN, singles = Number.NaN] = rates;
    return { thousands, singles };
  } finally {
    await stopChild(api.child);
  }
}

async function runQueue(stage: QueueStage, tokens: readonly string[]): Promise<Round["queue"]> {
  const api = await startServer(stage.url, { ...UNLIMITED, ...stage.env });
  const writers = await startWriters(stage, { processes: 1, connections: 2 });
  try {
    await whenOpen(api.port);
    let stored = 0;
    const run = async (load: Load) => {
      await empty(stage);
      stored += load.total;
      let startedMs = 0;
      const push = await sendLoad({ port: api.port, tokens, baseMs: Date.now(), ...load }, () => {
        startedMs = performance.now();
      });
      await writers.stored(stored);
      const seconds = (performance.now() - startedMs) / 1_000;
      await expectRows(stage.pool, load.total);
      return { rate: load.total / seconds, push };
    };
    const thousands = await run(THOUSANDS);
    const singles = await run(SINGLES);
    return { thousands: thousands.rate, singles: singles.rate, push: singles.push };
  } finally {
    await writers.stop();
    await stopChild(api.child);
  }
}

/** Puts a load into the stream while nobody reads it. */
async function fill(stage: QueueStage, tokens: readonly string[], load: Load): Promise<void> {
  const api = await startServer(stage.url, { ...UNLIMITED, ...stage.env });
  try {
    await whenOpen(api.port);
    await empty(stage);
    await sendLoad({ port: api.port, tokens, baseMs: Date.now(), ...load });
  } finally {
    await stopChild(api.child);
  }
}

const OPEN_MS = 30_000;

/** Resolves when the API has its stream. */
async function whenOpen(port: number): Promise<void> {
  for (const end = Date.now() + OPEN_MS; Date.now() < end; ) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/status`);
    const { data } = (await answer.json()) as { data: { ingest: { queue: unknown } } };
    if (data.ingest.queue !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The API has no stream");
}

/** Binary COPY by psql of the rows that the table holds, into the same table when it is empty. */
async function copyRate(stage: QueueStage): Promise<number> {
  const file = join(stage.folder, "samples.copy");
  const psql = (command: string) => mustRun(["psql", stage.url, "-q", "-c", command]);
  await psql(`\\copy (SELECT * FROM samples) TO '${file}' (FORMAT binary)`);
  await empty(stage);
  const started = performance.now();
  await psql(`\\copy samples FROM '${file}' (FORMAT binary)`);
  const seconds = (performance.now() - started) / 1_000;
  await expectRows(stage.pool, ALONE.total);
  await rm(file);
  return ALONE.total / seconds;
}

async function empty({ pool }: QueueStage): Promise<void> {
  await pool.query("TRUNCATE samples");
  await pool.query("CHECKPOINT");
}

function toRows(rounds: readonly Round[]): readonly BenchRow[] {
  const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
  const rate = (pick: (round: Round) => number) =>
    `${Math.round(middle(pick)).toLocaleString("en")}/s`;
  return [
    {
      figure: "batches of 1,000 against the direct log",
      value: middle((r) => r.queue.thousands / r.direct.thousands),
      unit: "of its rate",
      bound: { atLeast: 0.8 },
      detail: `${rate((r) => r.queue.thousands)} stored; direct ${rate((r) => r.direct.thousands)}`,
    },
    {
      figure: "single samples against the direct log",
      value: middle((r) => r.queue.singles / r.direct.singles),
      unit: "of its rate",
      bound: { atLeast: 0.6 },
      detail: `${rate((r) => r.queue.singles)} stored; direct ${rate((r) => r.direct.singles)}`,
    },
    {
      figure: "single samples, p99 of the push",
      value: middle((r) => r.queue.push.p99Ms),
      unit: "ms",
      bound: { atMost: 40 },
      detail: `p50 ${middle((r) => r.queue.push.p50Ms).toFixed(1)} ms, ${SINGLES.connections} connections`,
    },
    {
      figure: "consumer alone against binary COPY by psql",
      value: middle((r) => r.consumer / r.copy),
      unit: "of its rate",
      bound: { atLeast: 0.8 },
      detail: `${rate((r) => r.consumer)}; COPY ${rate((r) => r.copy)}`,
    },
    {
      figure: "two ETL processes against one, a connection each",
      value: middle((r) => r.two / r.one),
      unit: "of its rate",
      bound: { atLeast: 1.3 },
      detail: `${rate((r) => r.two)}; one ${rate((r) => r.one)}`,
    },
  ];
}

function describeRound({ direct, queue, consumer, copy, one, two }: Round): string {
  const rates = {
    "direct 1,000": direct.thousands,
    "queue 1,000": queue.thousands,
    "direct 1": direct.singles,
    "queue 1": queue.singles,
    consumer,
    copy,
    one,
    two,
  };
  return Object.entries(rates)
    .map(([name, value]) => `${name} ${Math.round(value / 1_000)}k/s`)
    .join(", ");
}
