import { connect, type Socket } from "node:net";
import { quantile } from "./bench.js";

/** Probes to simulate: each holds its connection and pushes a round every interval. */
export interface FleetOrder {
  readonly port: number;
  /** One a probe, with its node id. */
  readonly probes: readonly { readonly nodeId: string; readonly token: string }[];
  readonly intervalMs: number;
  readonly seconds: number;
}

/** What came back; samples are those of 202 answers. */
export interface FleetReport {
  readonly acknowledged: number;
  readonly pushes: number;
  /** Answers that asked to come later; the push was sent again. */
  readonly refused: number;
  readonly broken: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const AGAIN_MS = 1_000;
/** What is still under way at the end is waited for so long. */
const LAST_MS = 30_000;
const ACCEPTED = "HTTP/1.1 202";

/** Runs the fleet; a probe pushes a summary and two targets a round, as `fiber probe` does. */
async function run(order: FleetOrder): Promise<FleetReport> {
  const times: number[] = [];
  let acknowledged = 0;
  let refused = 0;
  let broken = 0;
  const endMs = Date.now() + order.seconds * 1_000;

  async function probe(index: number): Promise<void> {
    const one = order.probes[index];
    if (one === undefined) return;
    // Probes start at any moment of an interval.
    await pause((index / order.probes.length) * order.intervalMs);
    let socket: Socket | null = null;
    while (Date.now() < endMs) {
      const startedMs = performance.now();
      const body = roundOf(one.nodeId, Date.now());
      const request = requestOf(one.token, body);
      for (;;) {
        if (socket === null || socket.destroyed) socket = openSocket(order.port);
        const sentMs = performance.now();
        const answer = await exchange(socket, request);
        if (answer?.startsWith(ACCEPTED) === true) {
          times.push(performance.now() - sentMs);
          acknowledged += SAMPLES_A_ROUND;
          break;
        }
        if (answer === null) broken++;
        else refused++;
        if (Date.now() > endMs + LAST_MS) throw new Error(`not accepted in the end: ${answer}`);
        await pause(AGAIN_MS);
      }
      await pause(Math.max(0, order.intervalMs - (performance.now() - startedMs)));
    }
    socket?.destroy();
  }

  await Promise.all(order.probes.map((_, index) => probe(index)));
  return {
    acknowledged,
    pushes: times.length,
    refused,
    broken,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: times.reduce((most, time) => Math.max(most, time), 0),
  };
}

const SAMPLES_A_ROUND = 3;

function roundOf(nodeId: string, timeMs: number): string {
  const sample = (more: object) => ({
    node_id: nodeId,
    country: "GH",
    region: "Accra",
    timestamp: timeMs,
    latency_ms: 20 + (timeMs % 1_000) / 100,
    latency_min_ms: 19.5,
    latency_max_ms: 31.25,
    jitter_ms: 0.375,
    sent: 10,
    received: 10,
    uptime_pct: 100,
    packet_loss: 0,
    ...more,
  });
  return JSON.stringify([
    sample({}),
    sample({ target: "192.0.2.10", check: "icmp" }),
    sample({ target: "https://example.net/health", check: "http" }),
  ]);
}

function requestOf(token: string, body: string): Buffer {
  const head = [
    "POST /api/push HTTP/1.1",
    "Host: localhost",
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: keep-alive",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function openSocket(port: number): Socket {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => socket.destroy());
  return socket;
}

/** The answer's head and body, or null when the connection broke. */
function exchange(socket: Socket, request: Buffer): Promise<string | null> {
  return new Promise((resolve) => {
    let text = "";
    const end = (answer: string | null) => {
      socket.off("data", onData);
      socket.off("close", onClose);
      resolve(answer);
    };
    const onClose = () => end(null);
    const onData = (bytes: Buffer) => {
      text += bytes.toString("latin1");
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length >= headEnd + 4 + length) end(text);
    };
    socket.on("data", onData);
    socket.on("close", onClose);
    socket.write(request);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

process.once("message", async (order: FleetOrder) => {
  process.send?.(await run(order));
  process.disconnect();
});
