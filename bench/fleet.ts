import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type DbPool, issueToken } from "#db";
import { type Bench, type BenchRow, median } from "./bench.js";
import { forkOf, startServer, stopChild } from "./children.js";
import type { FleetOrder, FleetReport } from "./fleet-load.js";
import { UNLIMITED } from "./ingest-stage.js";
import { startQueueStage, startWriters } from "./queue-stage.js";

const PROBES = Number(process.env.BENCH_FLEET_PROBES ?? 10_000);
const SECONDS = Number(process.env.BENCH_FLEET_SECONDS ?? 300);
const INTERVAL_MS = 10_000;
const LOOK_MS = 1_000;
const TOKENS_AT_ONCE = 50;

/**
 * A fleet of simulated probes with the real wire protocol: each with a token and a connection of its
 * own, a round every 10 s. BENCH_FLEET_SECONDS and BENCH_FLEET_PROBES make it shorter or smaller.
 */
export const fleetBench: Bench = {
  name: "fleet",
  about: `${PROBES.toLocaleString("en")} probes push every 10 s for ${SECONDS} s through JetStream`,
  async run(report) {
    const stage = await startQueueStage();
    let api: ChildProcess | null = null;
    try {
      const probes = await issueTokens(stage.pool);
      report(`${probes.length} tokens issued`);
      const server = await startServer(stage.url, { ...UNLIMITED, ...stage.env });
      api = server.child;
      const writers = await startWriters(stage, { processes: 1, connections: 2 });
      const memory: number[] = [];
      const apiPid = api.pid ?? 0;
      const looking = setInterval(() => {
        memory.push(rssBytes(apiPid) + writers.rssBytes());
      }, LOOK_MS);
      const order = { port: server.port, probes, intervalMs: INTERVAL_MS, seconds: SECONDS };
      const fleet = await runFleet(order);
      clearInterval(looking);
      await writers.stored(fleet.acknowledged);
      await writers.stop();
      const { rows } = await stage.pool.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM samples",
      );
      const stored = rows[0]?.n ?? 0;
      report(
        `${fleet.pushes} pushes, ${fleet.refused} asked to come later, ${fleet.broken} connections broke`,
      );
      return toRows({ fleet, stored, memory });
    } finally {
      await stopChild(api);
      await stage.remove();
    }
  },
};

async function runFleet(order: FleetOrder): Promise<FleetReport> {
  const child = forkOf("fleet-load.ts", {});
  try {
    child.send(order);
    const [report] = (await once(child, "message")) as [FleetReport];
    return report;
  } finally {
    await stopChild(child);
  }
}

async function issueTokens(pool: DbPool): Promise<FleetOrder["probes"]> {
  const probes: { nodeId: string; token: string }[] = [];
  for (let from = 0; from < PROBES; from += TOKENS_AT_ONCE) {
    const ids = Array.from(
      { length: Math.min(TOKENS_AT_ONCE, PROBES - from) },
      (_, index) => `fleet-${from + index}`,
    );
    const issued = await Promise.all(
      ids.map((nodeId) => issueToken(pool, { role: "probe", nodeId, label: "bench" })),
    );
    ids.forEach((nodeId, index) => {
      probes.push({ nodeId, token: issued[index]?.token ?? "" });
    });
  }
  return probes;
}

function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
}

/** Memory of the last third against that of the second: the first is spent on growing warm. */
function toRows(result: {
  fleet: FleetReport;
  stored: number;
  memory: readonly number[];
}): readonly BenchRow[] {
  const { fleet, stored, memory } = result;
  const third = Math.floor(memory.length / 3);
  const before = median(memory.slice(third, 2 * third));
  const after = median(memory.slice(2 * third));
  return [
    {
      figure: "push, p99",
      value: fleet.p99Ms,
      unit: "ms",
      bound: { atMost: 250 },
      detail: `p50 ${fleet.p50Ms.toFixed(1)} ms, longest ${Math.round(fleet.maxMs)} ms`,
    },
    {
      figure: "acknowledged samples against rows in the table, difference",
      value: Math.abs(fleet.acknowledged - stored),
      unit: "samples",
      bound: { atMost: 0 },
      detail: `${fleet.acknowledged.toLocaleString("en")} acknowledged, ${stored.toLocaleString("en")} rows`,
    },
    {
      figure: "memory of API and writer, last third against the second",
      value: after / before,
      unit: "times",
      bound: { atMost: 1.1 },
      detail: `${Math.round(after / 1e6)} MB`,
    },
  ];
}
