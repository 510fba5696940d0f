import { connect } from "node:net";
import { quantile } from "./bench.js";
import { pushBodies } from "./ingest-data.js";

/** What to send. */
export interface LoadOrder {
  readonly port: number;
  /** Tokens by node. */
  readonly tokens: readonly string[];
  readonly batch: number;
  readonly total: number;
  /** Connections, each with one push under way. */
  readonly connections: number;
  readonly baseMs: number;
}

/** What came back. `acknowledged` counts samples of 202 answers. */
export interface LoadReport {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Status line of the first answer that was no 202. */
  readonly failure: string | null;
}

/** Whole requests, ready to be written, so that the generator costs as little as it can. */
function makeRequests(order: LoadOrder): readonly Buffer[] {
  const requests: Buffer[] = [];
  for (const { node, body } of pushBodies(order)) {
    const head = [
      "POST /api/push HTTP/1.1",
      "Host: localhost",
      `Authorization: Bearer ${order.tokens[node]}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
    ].join("\r\n");
    requests.push(Buffer.from(`${head}\r\n\r\n${body}`, "latin1"));
  }
  return requests;
}

const ACCEPTED = Buffer.from("HTTP/1.1 202");

async function sendAll(order: LoadOrder, requests: readonly Buffer[]): Promise<LoadReport> {
  const times = new Float64Array(requests.length);
  let next = 0;
  let accepted = 0;
  let failure: string | null = null;

  const runConnection = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: order.port, noDelay: true });
      let index = -1;
      let sentAt = 0;
      let answer: Buffer = Buffer.alloc(0);
      const send = () => {
        const request = requests[next];
        if (request === undefined || failure !== null) {
          socket.end();
          resolve();
          return;
        }
        index = next++;
        sentAt = performance.now();
        socket.write(request);
      };
      socket.on("connect", send);
      socket.on("error", reject);
      socket.on("data", (bytes) => {
        answer = answer.length === 0 ? bytes : Buffer.concat([answer, bytes]);
        if (!isComplete(answer)) return;
        times[index] = performance.now() - sentAt;
        if (answer.subarray(0, ACCEPTED.length).equals(ACCEPTED)) accepted++;
        else failure ??= answer.toString("latin1");
        answer = Buffer.alloc(0);
        send();
      });
    });

  const started = performance.now();
  await Promise.all(Array.from({ length: order.connections }, runConnection));
  const seconds = (performance.now() - started) / 1_000;
  const all = [...times.subarray(0, next)];
  return {
    acknowledged: accepted * order.batch,
    seconds,
    p50Ms: quantile(all, 0.5),
    p99Ms: quantile(all, 0.99),
    failure,
  };
}

function isComplete(answer: Buffer): boolean {
  const headEnd = answer.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const head = answer.toString("latin1", 0, headEnd);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  return answer.length >= headEnd + 4 + length;
}

process.once("message", (order: LoadOrder) => {
  const requests = makeRequests(order);
  process.send?.("ready");
  process.once("message", async () => {
    process.send?.(await sendAll(order, requests));
    process.disconnect();
  });
});
