import { Agent, request } from "node:http";
import { quantile } from "./bench.js";
import { pushBodies } from "./ingest-data.js";

/** Pushes at a fixed pace, so that what is measured is the answer and not the sender's own queue. */
export interface PacedOrder {
  readonly port: number;
  /** Tokens by node. */
  readonly tokens: readonly string[];
  /** Samples a push. */
  readonly batch: number;
  readonly pushesPerS: number;
  readonly baseMs: number;
}

/** What came back of the pushes sent between two questions. */
export interface PacedReport {
  readonly pushes: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** More than any run sends. */
const ENDLESS = 1_000_000_000;

function run(order: PacedOrder): () => PacedReport {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const bodies = pushBodies({ batch: order.batch, total: ENDLESS, baseMs: order.baseMs });
  let times: number[] = [];
  let refused = 0;

  const push = (node: number, body: string, dueMs: number) => {
    const sent = request(
      {
        agent,
        host: "127.0.0.1",
        port: order.port,
        method: "POST",
        path: "/api/push",
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          authorization: `Bearer ${order.tokens[node]}`,
        },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => {
          // From when it was due: a push that had to wait to be sent has waited too.
          times.push(performance.now() - dueMs);
          if (answer.statusCode !== 202) refused++;
        });
      },
    );
    sent.on("error", () => refused++);
    sent.end(body);
  };

  const started = performance.now();
  let next = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1_000) * order.pushesPerS;
    for (; next < due; next++) {
      const { value } = bodies.next();
      if (value) push(value.node, value.body, started + (next / order.pushesPerS) * 1_000);
    }
  }, 2);
  process.once("disconnect", () => {
    clearInterval(timer);
    agent.destroy();
  });
  return () => {
    const report = {
      pushes: times.length,
      refused,
      p50Ms: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
      maxMs: times.reduce((most, time) => Math.max(most, time), 0),
    };
    times = [];
    refused = 0;
    return report;
  };
}

process.once("message", (order: PacedOrder) => {
  const report = run(order);
  process.on("message", () => process.send?.(report()));
  process.send?.("ready");
});
