import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createPool, type DbPool, ensurePartitions, issueToken, upgrade } from "#db";
import {
  connectionEnv,
  createBackup,
  type DataPorts,
  fenceIngest,
  findPgTools,
  liftIngestFence,
  noProgress,
  type PgTools,
} from "#rollback";
import { createLogger, mustRun, systemClock } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import { type Bench, type BenchRow, median } from "./bench.js";
import { forkOf, startServer, stopChild } from "./children.js";
import { NODES, nodeId, SERIES, targetName } from "./ingest-data.js";
import type { PacedOrder, PacedReport } from "./paced-load.js";

const ROWS = 2_000_000;
const ROUNDS = 3;
const FENCES = 20;
const GUARDS = 5_000;
/** 10,000 samples a second: 100,000 targets measured every ten seconds. */
const LOAD = { batch: 100, pushesPerS: 100 } as const;
const QUIET_MS = 15_000;

interface Stage {
  readonly server: ScratchPostgres;
  readonly pool: DbPool;
  readonly ports: DataPorts;
  readonly tools: PgTools;
  readonly folder: string;
}

/**
 * Backups against plain pg_dump of the same database, taking turns; what a backup costs ingest
 * that goes on at a fixed pace through the real API; how fast a fence stands under that load.
 */
export const backupBench: Bench = {
  name: "backup",
  about: `${ROWS.toLocaleString("en")} rows: backup against pg_dump -Fc, and what ingest feels of it`,
  async run(report) {
    const folder = await mkdtemp(join(tmpdir(), "fiber-bench-"));
    const server = await startScratchPostgres();
    const url = server.url("fiberstack");
    const pool = createPool({ connectionString: url, applicationName: "bench", onError() {} });
    try {
      await upgrade({ connectionString: url });
      await ensurePartitions(pool, { nowMs: Date.now() });
      const tokens = await issueTokens(pool);
      await fill(pool);
      const ports: DataPorts = {
        admin: server.url("postgres"),
        database: "fiberstack",
        stateDir: join(folder, "state"),
        log: createLogger({ role: "bench", level: "error" }),
        clock: systemClock,
        progress: noProgress,
      };
      const stage = { server, pool, ports, folder, tools: await findPgTools(15) };
      const speed = await compareSpeed(stage, report);
      const guard = await measureGuard(pool);
      const load = await underLoad(stage, tokens, report);
      return [...speed, ...load, guard];
    } finally {
      await pool.end();
      await server.remove();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function compareSpeed(
  stage: Stage,
  report: (line: string) => void,
): Promise<readonly BenchRow[]> {
  const plain: number[] = [];
  const ours: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    plain.push(await timed(() => plainDump(stage)));
    ours.push(await timed(() => createBackup(stage.ports, { tag: "bench" })));
    report(
      `round ${round} of ${ROUNDS}: pg_dump ${seconds(plain.at(-1))}, backup ${seconds(ours.at(-1))}`,
    );
  }
  const ratios = ours.map((ms, at) => ms / (plain[at] ?? Number.NaN));
  return [
    {
      figure: "backup against pg_dump -Fc",
      value: median(ratios),
      unit: "of its time",
      bound: { atMost: 1.3 },
      detail: `${seconds(median(ours))} with hashes, roles, read back and synced; pg_dump ${seconds(median(plain))}`,
    },
  ];
}

async function underLoad(
  stage: Stage,
  tokens: readonly string[],
  report: (line: string) => void,
): Promise<readonly BenchRow[]> {
  const { child: api, port } = await startServer(stage.server.url("fiberstack"), {
    FIBER_PUSH_PER_MIN: "100000000",
  });
  const sender = forkOf("paced-load.ts", {});
  try {
    const order: PacedOrder = { ...LOAD, port, tokens, baseMs: Date.now() };
    sender.send(order);
    await once(sender, "message");
    await sleep(5_000);
    const ratios: number[] = [];
    const p99s: { quiet: number; during: number }[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      await ask(sender);
      await sleep(QUIET_MS);
      const quiet = await ask(sender);
      await createBackup(stage.ports, { tag: "bench" });
      const during = await ask(sender);
      refuseRefusals(quiet, during);
      ratios.push(during.p99Ms / quiet.p99Ms);
      p99s.push({ quiet: quiet.p99Ms, during: during.p99Ms });
      report(
        `round ${round} of ${ROUNDS}: p99 ${quiet.p99Ms.toFixed(1)} ms, during a backup ` +
          `${during.p99Ms.toFixed(1)} ms (${during.pushes} pushes)`,
      );
    }
    return [
      {
        figure: "ingest p99 during a backup",
        value: median(ratios),
        unit: "of that without",
        bound: { atMost: 2 },
        detail:
          `${median(p99s.map((one) => one.during)).toFixed(1)} ms against ` +
          `${median(p99s.map((one) => one.quiet)).toFixed(1)} ms at ${LOAD.batch * LOAD.pushesPerS} samples/s`,
      },
      await measureFence(stage.ports),
    ];
  } finally {
    await stopChild(sender);
    await stopChild(api);
  }
}

/** How long raising a fence takes while ingest goes on; it stands when the call returns. */
async function measureFence(ports: DataPorts): Promise<BenchRow> {
  const times: number[] = [];
  for (let n = 0; n < FENCES; n++) {
    times.push(await timed(() => fenceIngest(ports, { reason: "bench", forMs: 60_000 })));
    await liftIngestFence(ports);
    await sleep(300);
  }
  return {
    figure: "fence raised and honoured under load, slowest",
    value: Math.max(...times) / 1_000,
    unit: "s",
    bound: { atMost: 3 },
    detail: `median ${median(times).toFixed(0)} ms of ${FENCES}`,
  };
}

/** What the fence's lock adds to the guard that every write of samples begins with. */
async function measureGuard(pool: DbPool): Promise<BenchRow> {
  const guard = (lock: string) =>
    `SELECT EXISTS (SELECT FROM ingest_fence WHERE expires_at > clock_timestamp() ${lock})`;
  const connection = await pool.connect();
  const run = (name: string, lock: string) =>
    timed(() => connection.query({ name, text: guard(lock) }));
  try {
    const without: number[] = [];
    const locked: number[] = [];
    // Turn by turn, so that what else the machine does falls on both.
    for (let n = 0; n < GUARDS; n++) {
      without.push(await run("bench_without", ""));
      locked.push(await run("bench_with", "FOR KEY SHARE"));
    }
    return {
      figure: "fence's lock, a write",
      value: (median(locked) - median(without)) * 1_000,
      unit: "µs",
      detail: `guard statement ${(median(locked) * 1_000).toFixed(0)} µs against ${(median(without) * 1_000).toFixed(0)} µs`,
    };
  } finally {
    connection.release();
  }
}

async function plainDump({ tools, server, folder }: Stage): Promise<void> {
  const file = join(folder, "plain.dump");
  const env = connectionEnv(server.url("fiberstack"));
  await mustRun([tools.path("pg_dump"), "-Fc", `--file=${file}`], { env });
}

async function fill(pool: DbPool): Promise<void> {
  await pool.query(
    `INSERT INTO nodes (node_id, country, region)
     SELECT unnest($1::text[]), 'GH', 'Accra' ON CONFLICT DO NOTHING`,
    [Array.from({ length: NODES }, (_, node) => nodeId(node))],
  );
  await pool.query(
    `INSERT INTO series (node_id, target, check_type)
     SELECT node, target, 'icmp' FROM unnest($1::text[]) node, unnest($2::text[]) target`,
    [
      Array.from({ length: NODES }, (_, node) => nodeId(node)),
      Array.from({ length: SERIES / NODES }, (_, target) => targetName(target)),
    ],
  );
  // Yesterday and before, in the order in which rounds come in; noisy as measurements are.
  const statement = `
    INSERT INTO samples (series_id, time, latency_ms, latency_min_ms, latency_max_ms, jitter_ms,
                         uptime_pct, packet_loss, sent, received)
    SELECT s.series_id, now() - interval '5 days' + round * interval '200 s', l.ms,
           l.ms - 1.1 * random(), l.ms + 2 * random(), random(), 100, 0, 10, 10
      FROM generate_series(1, $1::int) round, series s, LATERAL (SELECT 20 + 10 * random() AS ms) l`;
  const connection = await pool.connect();
  try {
    await connection.query("SET statement_timeout = 0");
    await connection.query(statement, [ROWS / SERIES]);
    await connection.query("VACUUM ANALYZE");
    await connection.query("CHECKPOINT");
  } finally {
    connection.release();
  }
}

async function issueTokens(pool: DbPool): Promise<readonly string[]> {
  const tokens: string[] = [];
  for (let node = 0; node < NODES; node++) {
    const issued = await issueToken(pool, { role: "probe", nodeId: nodeId(node), label: "bench" });
    tokens.push(issued.token);
  }
  return tokens;
}

function refuseRefusals(...reports: readonly PacedReport[]): void {
  const refused = reports.reduce((sum, one) => sum + one.refused, 0);
  if (refused > 0) throw new Error(`${refused} pushes were refused`);
}

async function ask(sender: ChildProcess): Promise<PacedReport> {
  sender.send("report");
  const [report] = (await once(sender, "message")) as [PacedReport];
  return report;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function seconds(ms = Number.NaN): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
