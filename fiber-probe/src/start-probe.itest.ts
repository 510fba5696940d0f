import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Heartbeat, heartbeatSchema, type WireSample, wireSampleSchema } from "#contracts";
import { createLogger, packageRoot, systemClock } from "#runtime";
import { loadProbeConfig } from "./config/load-probe-config.js";
import { startDemoTarget } from "./demo-target/start-demo-target.js";
import { decodeFrames, scanFrames } from "./spool/frames.js";
import { type RunningProbe, startProbe } from "./start-probe.js";

/** A real server that records what the probe says. */
interface Recorder {
  readonly url: string;
  readonly samples: WireSample[];
  readonly heartbeats: Heartbeat[];
  /** Answers 503 to pushes while true. */
  closed: boolean;
}

const log = createLogger({ role: "test", level: "silent" });
const env = { FIBER_PROBE_TOKEN: "token-of-the-probe" };
const soon = { timeout: 40_000, interval: 50 };
let folder = "";
let probe: RunningProbe | null = null;
const closing: (() => void)[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-probe-"));
});
afterEach(async () => {
  await probe?.stop();
  probe = null;
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const close of closing.splice(0)) close();
  rmSync(folder, { recursive: true, force: true });
});

async function startRecorder(): Promise<Recorder> {
  const recorder: Recorder = { url: "", samples: [], heartbeats: [], closed: false };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as unknown;
      if (request.url === "/api/probe/heartbeat") {
        recorder.heartbeats.push(heartbeatSchema.parse(body));
        return response.end('{"status":"ok"}');
      }
      if (recorder.closed) return response.writeHead(503, { "retry-after": "1" }).end("{}");
      const samples = (body as unknown[]).map((sample) => wireSampleSchema.parse(sample));
      recorder.samples.push(...samples);
      response.writeHead(202, { "content-type": "application/json" });
      response.end(JSON.stringify({ status: "accepted", data: { queued: samples.length } }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return Object.assign(recorder, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
}

function writeConfig(url: string, targets: readonly string[], more = ""): string {
  const file = join(folder, "probe.yaml");
  const head = `node_id: probe-test\ncountry: GH\nregion: Accra\ninterval: 1s\n${more}`;
  const uplinks = `uplinks: [{ url: "${url}", token_env: FIBER_PROBE_TOKEN }]\n`;
  const list = targets.map((target) => `  - ${target}\n`).join("");
  writeFileSync(file, `${head}${uplinks}targets:\n${list}spool: { path: spool }\n`);
  return file;
}

async function start(file: string): Promise<RunningProbe> {
  const config = loadProbeConfig(file, env);
  probe = await startProbe({ config, configPath: file, log, clock: systemClock, env });
  return probe;
}

async function listenTcp(): Promise<number> {
  const server = createTcpServer((socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("rounds reach the uplink: a sample a target, then the summary; the heartbeat comes first", async () => {
  const recorder = await startRecorder();
  const demo = await startDemoTarget({ log, random: () => 0.5 });
  const lagos = demo.ports.find(({ region }) => region === "Lagos");
  try {
    const file = writeConfig(
      recorder.url,
      [
        "{ host: 127.0.0.1, check: icmp, count: 3, timeout: 200ms }",
        `{ host: "127.0.0.1:${lagos?.tcp}", check: tcp, expect: { banner: fiber demo target Lagos } }`,
        `{ host: "http://127.0.0.1:${lagos?.http}/", check: http }`,
      ],
      "demo: true\n",
    );
    await start(file);
    await vi.waitFor(() => expect(recorder.samples.length).toBeGreaterThanOrEqual(8), soon);
  } finally {
    await probe?.stop();
    probe = null;
    await demo.stop();
  }
  expect(recorder.heartbeats[0]).toMatchObject({ node_id: "probe-test", demo: true, unable: [] });
  expect(recorder.heartbeats[0]?.targets).toHaveLength(3);
  const round = recorder.samples.filter((s) => s.timestamp === recorder.samples[0]?.timestamp);
  expect(round.map(({ check }) => check)).toEqual(["icmp", "tcp", "http", undefined]);
  for (const sample of round) expect(sample.metadata).toMatchObject({ demo: true });
  // The demo target really delays: about 42 ms in Lagos, never less than 30.
  expect(round[1]?.latency_ms).toBeGreaterThan(30);
  expect(round[2]?.latency_ms).toBeGreaterThan(30);
});

test("a check that cannot run has no sample; the heartbeat lists it", async () => {
  const recorder = await startRecorder();
  const port = await listenTcp();
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    const icmp = "{ host: 127.0.0.1, check: icmp, count: 2, timeout: 200ms }";
    await start(writeConfig(recorder.url, [icmp, `{ host: "127.0.0.1:${port}", check: tcp }`]));
    await vi.waitFor(() => expect(recorder.samples.length).toBeGreaterThanOrEqual(2), soon);
    await vi.waitFor(() => expect(recorder.heartbeats.at(-1)?.unable).toHaveLength(1), soon);
  } finally {
    process.env.PATH = path;
  }
  expect(recorder.samples.some(({ check }) => check === "icmp")).toBe(false);
  expect(recorder.heartbeats.at(-1)?.unable[0]?.reason).toContain("fping is not installed");
});

test("a reload takes a good file, and keeps the old configuration over a bad one", async () => {
  const recorder = await startRecorder();
  const port = await listenTcp();
  const target = (label: string) => `{ host: "127.0.0.1:${port}", check: tcp, label: ${label} }`;
  const running = await start(writeConfig(recorder.url, [target("one")]));
  const saw = (name: string) =>
    vi.waitFor(() => expect(recorder.samples.some((s) => s.target === name)).toBe(true), soon);
  await saw("one");
  writeFileSync(join(folder, "probe.yaml"), "node_id: [");
  await running.reload();
  const before = recorder.samples.length;
  await vi.waitFor(() => expect(recorder.samples.length).toBeGreaterThan(before), soon);
  writeConfig(recorder.url, [target("two")]);
  await running.reload();
  await saw("two");
});

test("after kill -9 every spooled sample arrives exactly once", async () => {
  const recorder = await startRecorder();
  recorder.closed = true;
  const port = await listenTcp();
  const targets = ["a", "b", "c"].map(
    (l) => `{ host: "127.0.0.1:${port}", check: tcp, label: ${l} }`,
  );
  const file = writeConfig(recorder.url, targets);

  const killed = spawnProbe(file);
  await vi.waitFor(() => expect(spooled().length).toBeGreaterThanOrEqual(8), soon);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const kept = spooled();

  recorder.closed = false;
  const again = spawnProbe(file);
  const identities = () => recorder.samples.map(identityOf);
  await vi.waitFor(() => expect(new Set(identities())).toEqual(union(identities(), kept)), soon);
  again.kill("SIGTERM");
  await once(again, "exit");
  const seen = identities();
  expect(seen).toHaveLength(new Set(seen).size);
  expect(seen.slice(0, kept.length)).toEqual(kept);
});

test("a file-size limit is met like a full disk: counted, said, and the spool goes on", async () => {
  const script = `
    const { openSpool } = await import("./fiber-probe/src/spool/spool.ts");
    const { createLogger } = await import("#runtime");
    const log = createLogger({ role: "test", level: "silent" });
    const spool = openSpool({ path: ${JSON.stringify(join(folder, "full"))}, maxSamples: 1e6, maxBytes: 1e8, log });
    for (let i = 0; i < 20; i++) spool.append(Array.from({ length: 20 }, () => "x".repeat(1000)));
    const batch = spool.peek({ maxRecords: 1e6, maxBytes: 1e8 });
    console.log(JSON.stringify({ ...spool.counts(), readable: batch.records.length }));
    spool.close();`;
  // 128 blocks of 512 or 1,024 bytes, as the shell counts them.
  const limited =
    'ulimit -f 128; exec "$0" --import tsx --conditions=source --input-type=module -e "$1"';
  const child = spawn("sh", ["-c", limited, process.execPath, script], { cwd: packageRoot });
  children.push(child);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  const counts = JSON.parse(output) as { samples: number; dropped: number; readable: number };
  expect(counts.dropped).toBeGreaterThan(0);
  expect(counts.samples).toBeGreaterThan(0);
  expect(counts.samples + counts.dropped).toBe(400);
  expect(counts.readable).toBe(counts.samples);
});

/** The probe as a process of its own, from source. */
function spawnProbe(file: string): ChildProcess {
  const script = `
    const { loadProbeConfig, startProbe } = await import("#probe");
    const { createLogger, runRole, systemClock } = await import("#runtime");
    const log = createLogger({ role: "probe", level: "silent" });
    const configPath = ${JSON.stringify(file)};
    const config = loadProbeConfig(configPath);
    await runRole(() => startProbe({ config, configPath, log, clock: systemClock }), { log });`;
  const options = ["--import", "tsx", "--conditions=source", "--input-type=module"];
  const child = spawn(process.execPath, [...options, "-e", script], {
    cwd: packageRoot,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  return child;
}

/** Identities of the samples on disk, as a restart would read them. */
function spooled(): string[] {
  const path = join(folder, "spool");
  let names: string[];
  try {
    names = readdirSync(path).filter((name) => name.endsWith(".seg"));
  } catch {
    // Not made yet.
    return [];
  }
  return names.sort().flatMap((name) => {
    const file = readFileSync(join(path, name));
    const whole = file.subarray(0, scanFrames(file).at(-1) ?? 0);
    return decodeFrames(whole).map((record) => identityOf(JSON.parse(record) as WireSample));
  });
}

function identityOf({ target, check, timestamp }: WireSample): string {
  return `${target ?? ""} ${check ?? ""} ${timestamp}`;
}

function union(a: readonly string[], b: readonly string[]): Set<string> {
  return new Set([...a, ...b]);
}
