import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WireSample } from "#contracts";
import { packageRoot } from "#runtime";
import { type Bench, type BenchRow, median } from "./bench.js";

const TARGETS = 1_000;
const PINGS = 10;
const INTERVAL_MS = 10_000;
const ROUNDS = 3;
/** Clock ticks a second of /proc/<pid>/stat: fixed at 100 in Linux's user interface. */
const TICK_MS = 10;

/**
 * The probe as it is shipped (`fiber probe`, built) with 1,000 icmp targets × 10 pings, against
 * fping alone on the same addresses in the same minute, one run of it beside each round.
 */
export const probeBench: Bench = {
  name: "probe",
  about: `${TARGETS} icmp targets × ${PINGS} pings a round, loopback; the reference is fping itself`,
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "fiber-bench-probe-"));
    const receiver = await startReceiver();
    const probe = startProbeProcess(folder, receiver.url);
    try {
      report("warming up: one round");
      await receiver.round(1);
      const before = cpuMs(probe);
      const references: Reference[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        report(`round ${round + 1} of ${ROUNDS}, fping beside it`);
        const [reference] = await Promise.all([runFping(), receiver.round(round + 2)]);
        references.push(reference);
      }
      const probeCpuMs = (cpuMs(probe) - before) / ROUNDS;
      return rows(probeCpuMs, peakMb(probe), references, receiver.medians(ROUNDS));
    } finally {
      probe.kill("SIGTERM");
      if (probe.exitCode === null) await once(probe, "exit");
      receiver.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function rows(
  probeCpuMs: number,
  residentMb: number,
  references: readonly Reference[],
  probeMedians: readonly number[],
): readonly BenchRow[] {
  const fpingCpuMs = median(references.map((reference) => reference.cpuMs));
  const fpingRtt = median(references.map((reference) => reference.medianMs));
  const probeRtt = median(probeMedians);
  return [
    {
      figure: "CPU of a round / fping's own",
      value: probeCpuMs / fpingCpuMs,
      unit: "×",
      bound: { atMost: 2 },
      detail: `${Math.round(probeCpuMs)} ms with its fping, ${Math.round(fpingCpuMs)} ms fping alone`,
    },
    {
      figure: "resident memory, peak",
      value: residentMb,
      unit: "MB",
      bound: { atMost: 90 },
    },
    {
      figure: "RTT median, difference to fping",
      value: Math.abs(probeRtt - fpingRtt),
      unit: "ms",
      bound: { atMost: 0.2 },
      detail: `${probeRtt.toFixed(3)} ms against ${fpingRtt.toFixed(3)} ms`,
    },
  ];
}

function addresses(): readonly string[] {
  return Array.from({ length: TARGETS }, (_, i) => `127.1.${i >> 8}.${i & 255}`);
}

function startProbeProcess(folder: string, url: string): ChildProcess {
  const config = join(folder, "probe.yaml");
  const targets = addresses().map((host) => `  - { host: ${host}, check: icmp, count: ${PINGS} }`);
  const lines = [
    "node_id: probe-bench",
    "country: GH",
    "region: Accra",
    `uplinks: [{ url: "${url}", token_env: FIBER_PROBE_TOKEN }]`,
    `interval: ${INTERVAL_MS / 1_000}s`,
    "spool: { path: spool }",
    "targets:",
    ...targets,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const fiber = join(packageRoot, "bin", "fiber.mjs");
  return spawn(process.execPath, [fiber, "probe", "--config", config], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, FIBER_PROBE_TOKEN: "bench-token", FIBER_LOG_LEVEL: "warn" },
  });
}

interface Reference {
  readonly cpuMs: number;
  readonly medianMs: number;
}

/** fping on the same addresses, as a person would call it. */
async function runFping(): Promise<Reference> {
  const before = childrenCpuMs("self");
  const options = ["-4", "-C", `${PINGS}`, "-q", "-B1", "-r1"];
  const pace = ["-i", "1", "-p", "1000", "-t", "2000"];
  const fping = spawn("fping", [...options, ...pace]);
  let output = "";
  for (const stream of [fping.stdout, fping.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  fping.stdin.end(`${addresses().join("\n")}\n`);
  const [code] = (await once(fping, "close")) as [number | null];
  if (code !== 0) throw new Error(`fping ended with ${code}: ${output.slice(-200)}`);
  const medians = output
    .trim()
    .split("\n")
    .map((line) => median(line.split(" : ")[1]?.trim().split(" ").map(Number) ?? []));
  return { cpuMs: childrenCpuMs("self") - before, medianMs: median(medians) };
}

/** CPU of the probe's process and of its ended children, ms. */
function cpuMs(probe: ChildProcess): number {
  const [user = 0, system = 0] = statTicks(`${probe.pid}`);
  return (user + system) * TICK_MS + childrenCpuMs(`${probe.pid}`);
}

function childrenCpuMs(pid: string): number {
  const [, , user = 0, system = 0] = statTicks(pid);
  return (user + system) * TICK_MS;
}

/** utime, stime, cutime, cstime: fields 14 to 17 of /proc/<pid>/stat. */
function statTicks(pid: string): readonly number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map(Number);
}

function peakMb(probe: ChildProcess): number {
  const status = readFileSync(`/proc/${probe.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}

interface Receiver {
  readonly url: string;
  /** Resolves when this many whole rounds have arrived. */
  round(count: number): Promise<void>;
  /** Medians of the targets of the newest rounds, ms. */
  medians(rounds: number): readonly number[];
  close(): void;
}

/** A real HTTP server that takes what the probe pushes. */
async function startReceiver(): Promise<Receiver> {
  const rounds: number[][] = [];
  let current: number[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url !== "/api/push") return response.end("{}");
      const samples = JSON.parse(Buffer.concat(chunks).toString()) as readonly WireSample[];
      for (const { target, latency_ms } of samples) {
        if (target !== undefined && latency_ms !== null) current.push(latency_ms);
        if (target !== undefined) continue;
        rounds.push(current);
        current = [];
        server.emit("round");
      }
      response.statusCode = 202;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ status: "accepted", data: { queued: samples.length } }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async round(count) {
      while (rounds.length < count) await once(server, "round");
    },
    medians: (count) => rounds.slice(-count).flat(),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
