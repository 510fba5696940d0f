import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAppHost } from "#agent";
import { createPool, ensurePartitions, upgrade } from "#db";
import {
  type Artefact,
  createGit,
  createProcessDriver,
  type DeployDriver,
  destroyTree,
} from "#rollback";
import { createLogger, packageRoot, systemClock } from "#runtime";
import { createTestRepository, freePort, startScratchPostgres } from "#testkit";
import { type Bench, type BenchRow, median } from "./bench.js";
import { type Reader, type Seen, startReader } from "./start-reader.js";

const ROUNDS = 10;
const STOPPED_ROUNDS = 3;
/** Reads go on for so long before and after each switch, ms. */
const AROUND_MS = 1_500;

/**
 * Two releases of the real API, switched back and forth by the real driver and role host, while a
 * process of its own reads with eight clients; against stopping the old one first.
 */
export const switchBench: Bench = {
  name: "switch",
  about: "API releases switched by deferred listen under reads, against stop then start",
  async run(report) {
    const server = await startScratchPostgres();
    const root = mkdtempSync(join(tmpdir(), "fiber-bench-"));
    const port = await freePort();
    const url = server.url("fiberstack");
    try {
      await prepareDatabase(url);
      const host = await startAppHost({
        stateDir: root,
        databaseUrl: url,
        log: createLogger({ role: "bench", level: "silent" }),
        clock: systemClock,
        say: () => undefined,
      });
      try {
        return await measure({ stateDir: root, port, report });
      } finally {
        await host.stop();
      }
    } finally {
      await server.remove();
      await destroyTree(root);
    }
  },
};

async function prepareDatabase(connectionString: string): Promise<void> {
  await upgrade({ connectionString });
  const pool = createPool({ connectionString, applicationName: "bench", onError() {} });
  try {
    await ensurePartitions(pool, { nowMs: Date.now(), duringBackup: "go-on" });
    await pool.query(
      `INSERT INTO nodes (node_id, country, region)
       SELECT 'probe-' || n, 'GH', 'Accra' FROM generate_series(1, 20) AS n`,
    );
  } finally {
    await pool.end();
  }
}

async function measure(place: {
  readonly stateDir: string;
  readonly port: number;
  readonly report: (line: string) => void;
}): Promise<readonly BenchRow[]> {
  const { stateDir, port, report } = place;
  const repository = createTestRepository();
  try {
    const driver = createProcessDriver({ stateDir, git: createGit(repository.folder) });
    const releases: Artefact[] = [];
    for (const tag of ["v1.0.0", "v1.1.0"]) {
      const files = { "fiber.yaml": projectFile(port), version: tag };
      releases.push(await driver.prepare(tag, repository.commit(tag, files), () => undefined));
    }
    for (const release of releases) await driver.switchTo(release, { overlap: true });
    const reader = startReader(`http://127.0.0.1:${port}/api/nodes`);
    try {
      const rounds = { driver, releases, reader, report };
      const deferred = await switchRounds({ ...rounds, overlap: true, count: ROUNDS });
      const stopped = await switchRounds({ ...rounds, overlap: false, count: STOPPED_ROUNDS });
      return toRows(deferred, stopped);
    } finally {
      reader.stop();
    }
  } finally {
    repository.remove();
  }
}

/** Two releases whose API is the product that lies here; only what is released differs. */
function projectFile(port: number): string {
  const env = {
    FIBER_API_HOST: "127.0.0.1",
    FIBER_API_PORT: String(port),
    FIBER_ANONYMOUS_ROLE: "viewer",
    FIBER_READS_PER_MIN: "0",
    FIBER_LOG_LEVEL: "warn",
  };
  const run = `node "${join(packageRoot, "bin", "fiber.mjs")}" api`;
  const role = { name: "api", run, env, switch: "deferred", writer: true };
  return JSON.stringify({ format: 1, name: "bench", roles: [role] });
}

async function switchRounds(work: {
  readonly driver: DeployDriver;
  readonly releases: readonly Artefact[];
  readonly reader: Reader;
  readonly report: (line: string) => void;
  readonly overlap: boolean;
  readonly count: number;
}): Promise<readonly Seen[]> {
  const { driver, releases, reader, report, overlap, count } = work;
  const all: Seen[] = [];
  for (let round = 1; round <= count; round++) {
    const { release } = await driver.running();
    const next = releases.find(({ tag }) => tag !== release);
    if (next === undefined) throw new Error("no other release to switch to");
    await systemClock.sleep(AROUND_MS);
    await reader.mark();
    await driver.switchTo(next, { overlap });
    await systemClock.sleep(AROUND_MS);
    const seen = await reader.mark();
    if (seen.reads === 0) throw new Error("the reader read nothing");
    report(
      `${overlap ? "deferred" : "stop, start"} ${round} of ${count}: gap ${seen.longestGapMs.toFixed(1)} ms, ` +
        `wait ${seen.longestWaitMs.toFixed(1)} ms, ${seen.failures} of ${seen.reads} reads failed`,
    );
    all.push(seen);
  }
  return all;
}

function toRows(deferred: readonly Seen[], stopped: readonly Seen[]): readonly BenchRow[] {
  const gaps = deferred.map((seen) => seen.longestGapMs);
  const waits = deferred.map((seen) => seen.longestWaitMs);
  const failures = deferred.map((seen) => seen.failures);
  const stops = stopped.map((seen) => seen.longestGapMs);
  const medians =
    `medians: deferred ${median(gaps).toFixed(1)} ms, stop then start ${median(stops).toFixed(1)} ms, ` +
    `${median(failures)} reads failed a switch`;
  return [
    {
      figure: "longest gap between two answered reads",
      value: Math.max(...gaps),
      unit: "ms",
      bound: { atMost: 100 },
      detail: medians,
    },
    {
      figure: "longest time in which a client got no answer",
      value: Math.max(...waits),
      unit: "ms",
      bound: { atMost: 1_000 },
    },
    {
      figure: "gap of deferred listen to stop then start",
      value: median(gaps) / median(stops),
      unit: "times",
      bound: { atMost: 0.5 },
    },
  ];
}
