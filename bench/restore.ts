import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createPool, type DbPool, ensurePartitions, upgrade, withSession } from "#db";
import {
  connectionEnv,
  createBackup,
  type DataPorts,
  dropQuarantine,
  findPgTools,
  listQuarantines,
  noProgress,
  prepareRestore,
  startRestore,
} from "#rollback";
import { createLogger, mustRun, packageRoot, systemClock } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import { type Bench, type BenchRow, median } from "./bench.js";
import { startServer, stopChild } from "./children.js";

/** Rows of each size: series times rows a series, a minute apart. */
const SIZES = { small: 50, large: 500 } as const;
const ROWS_A_SERIES = 10_000;
const ROUNDS = 3;
const JOBS = 2;

/** One size's figures; times in ms. */
interface Measured {
  readonly plainMs: number;
  readonly swappedMs: number;
  readonly outageMs: number;
  readonly fencedMs: number;
}

/**
 * A restore beside, carried over and swapped, against plain pg_restore of the same file into an
 * empty database, while the API serves and a process of its own reads through it without pause.
 */
export const restoreBench: Bench = {
  name: "restore",
  about: "from the command to swapped, against plain pg_restore -j of the same dump",
  async run(report) {
    const small = await measureSize(SIZES.small, report);
    const large = await measureSize(SIZES.large, report);
    return toRows(small, large);
  },
};

async function measureSize(
  series: number,
  report: (line: string) => void,
): Promise<readonly Measured[]> {
  const server = await startScratchPostgres();
  const url = server.url("fiberstack");
  const pool = createPool({
    connectionString: url,
    applicationName: "bench",
    onError() {},
    statementTimeoutMs: 3_600_000,
  });
  let api: ChildProcess | null = null;
  try {
    await upgrade({ connectionString: url });
    await fill(pool, series);
    const ports = portsOf(server);
    const { path } = await createBackup(ports, { tag: "bench" });
    const started = await startServer(url, { FIBER_READS_PER_MIN: "0" }, { quiet: true });
    api = started.child;
    const measured: Measured[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      await pool.query("CHECKPOINT");
      const plainMs = await restorePlainly(server, path, started.port);
      await pool.query("CHECKPOINT");
      const one = { plainMs, ...(await restoreBeside(ports, path, started.port)) };
      report(
        `${(series * ROWS_A_SERIES).toLocaleString("en")} rows, round ${round} of ${ROUNDS}: plain ` +
          `${Math.round(one.plainMs)} ms, swapped ${Math.round(one.swappedMs)} ms, reads failed ` +
          `${Math.round(one.outageMs)} ms, fenced ${Math.round(one.fencedMs)} ms`,
      );
      measured.push(one);
    }
    return measured;
  } finally {
    await stopChild(api);
    await pool.end();
    await server.remove();
  }
}

function toRows(small: readonly Measured[], large: readonly Measured[]): readonly BenchRow[] {
  const ratio = (rounds: readonly Measured[]) => median(rounds.map((r) => r.swappedMs / r.plainMs));
  const seconds = (rounds: readonly Measured[], pick: (r: Measured) => number) =>
    `${(median(rounds.map(pick)) / 1_000).toFixed(1)} s`;
  const detail = (rounds: readonly Measured[]) =>
    `${seconds(rounds, (r) => r.swappedMs)}; pg_restore -j${JOBS} ${seconds(rounds, (r) => r.plainMs)}`;
  const outage = (rounds: readonly Measured[]) =>
    Math.max(...rounds.map((r) => r.outageMs)) / 1_000;
  return [
    {
      figure: "5 M rows to swapped",
      value: ratio(large),
      unit: "of plain pg_restore",
      bound: { atMost: 1.4 },
      detail: detail(large),
    },
    {
      figure: "0.5 M rows to swapped",
      value: ratio(small),
      unit: "of plain pg_restore",
      detail: detail(small),
    },
    { figure: "reads failed, 5 M rows", value: outage(large), unit: "s", bound: { atMost: 1 } },
    { figure: "reads failed, 0.5 M rows", value: outage(small), unit: "s", bound: { atMost: 1 } },
    {
      figure: "ingest fenced by a restore of 5 M rows",
      value: Math.max(...large.map((r) => r.fencedMs)) / 1_000,
      unit: "s",
      bound: { atMost: 3 },
    },
  ];
}

function portsOf(server: ScratchPostgres): DataPorts {
  return {
    admin: server.url("postgres"),
    database: "fiberstack",
    stateDir: server.stateDir,
    log: createLogger({ role: "bench", level: "silent" }),
    clock: systemClock,
    progress: noProgress,
  };
}

async function fill(pool: DbPool, series: number): Promise<void> {
  await ensurePartitions(pool, { nowMs: Date.now(), daysBack: 8 });
  await pool.query("INSERT INTO nodes (node_id, country, region) VALUES ('bench', 'GH', 'Accra')");
  await pool.query(
    `INSERT INTO series (node_id, target, check_type)
     SELECT 'bench', '192.0.2.' || n, 'icmp' FROM generate_series(1, $1::int) n`,
    [series],
  );
  await pool.query(
    `INSERT INTO samples (series_id, time, latency_ms, latency_min_ms, latency_max_ms, jitter_ms,
                          uptime_pct, packet_loss, sent, received)
     SELECT series_id, date_trunc('minute', now()) - n * interval '1 minute',
            20 + random() * 30, 20, 50, random() * 5, 100, 0, 10, 10
       FROM generate_series(1, $1::int) n, series`,
    [ROWS_A_SERIES],
  );
  await pool.query("VACUUM ANALYZE");
}

/** Plain pg_restore into a new, empty database, which is dropped again; in ms. */
async function restorePlainly(
  server: ScratchPostgres,
  path: string,
  port: number,
): Promise<number> {
  // The same readers as while the other one runs.
  const prober = await startProber(port);
  const tools = await findPgTools(15);
  await withSession(server.url("postgres"), async (admin) => {
    await admin.query("CREATE DATABASE plain TEMPLATE template0");
  });
  const startedAt = performance.now();
  await mustRun([tools.path("pg_restore"), `--jobs=${JOBS}`, "--dbname=plain", path], {
    env: { ...connectionEnv(server.url("plain")) },
  });
  const durationMs = performance.now() - startedAt;
  await prober.stop();
  await withSession(server.url("postgres"), async (admin) => {
    await admin.query("DROP DATABASE plain WITH (FORCE)");
  });
  return durationMs;
}

async function restoreBeside(
  ports: DataPorts,
  path: string,
  port: number,
): Promise<Omit<Measured, "plainMs">> {
  const prober = await startProber(port);
  const startedAt = performance.now();
  let fencedAt = 0;
  let swappedAt = 0;
  let liftedAt = 0;
  const plan = await prepareRestore(ports, { from: { kind: "dump", path } });
  await startRestore(ports, plan, ({ step, event }) => {
    if (step === "fence" && event === "intent") fencedAt = performance.now();
    if (step === "switch" && event === "done") swappedAt = performance.now();
    if (step === "lift" && event === "done") liftedAt = performance.now();
  });
  const outageMs = await prober.stop();
  for (const { database } of await listQuarantines(ports)) await dropQuarantine(ports, database);
  return { swappedMs: swappedAt - startedAt, outageMs, fencedMs: liftedAt - fencedAt };
}

/** Reads through the API from a process of its own. */
async function startProber(port: number): Promise<{ stop(): Promise<number> }> {
  const script = join(packageRoot, "e2e", "read-prober.ts");
  const url = `http://127.0.0.1:${port}/api/metrics`;
  const child = spawn(process.execPath, ["--import", "tsx", script, url], {
    cwd: packageRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child.stdout, "data");
  return {
    async stop() {
      child.kill("SIGTERM");
      await once(child, "close");
      const { longestOutageMs } = JSON.parse(said.trim().split("\n").at(-1) ?? "{}") as {
        longestOutageMs: number;
      };
      return longestOutageMs;
    },
  };
}
