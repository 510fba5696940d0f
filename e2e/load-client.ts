// A process of its own that pushes samples without pause and keeps its own list of what was
// answered with 202. Usage: load-client.ts API_URL TOKEN_FILE ACKED_FILE [NAME [PAUSE_MS]]. Prints the number of
// acknowledged samples as it grows; on TERM it writes the list and ends.
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [apiUrl = "", tokenFile = "", ackedFile = "", name = "load", pauseMs = "0"] =
  process.argv.slice(2);
const token = readFileSync(tokenFile, "utf8").trim();

const LOOPS = 4;
const BATCH = 25;
/** Every tenth acknowledged batch is sent again: it must not be stored twice. */
const RESEND_EVERY = 10;

/** One acknowledged sample: series, epoch ms, latency, loss, metadata. */
type Acked = readonly [
  target: string,
  timeMs: number,
  latencyMs: number,
  loss: number,
  run: number,
];

const acked: Acked[] = [];
const firstMs = Date.now() - 3_600_000;
let stopping = false;

process.on("SIGTERM", () => {
  stopping = true;
});
const reporter = setInterval(() => console.log(acked.length), 100);
await Promise.all(Array.from({ length: LOOPS }, (_, loop) => push(`${name}-${loop}`)));
clearInterval(reporter);
writeFileSync(ackedFile, JSON.stringify(acked));

async function push(target: string): Promise<void> {
  for (let run = 0; !stopping; run++) {
    const batch = Array.from({ length: BATCH }, (_, index): Acked => {
      const latencyMs = Math.round(Math.random() * 1e6) / 1e3;
      return [target, firstMs + run * BATCH + index, latencyMs, Math.random() * 100, run];
    });
    // A batch that was not acknowledged is sent again, unchanged, as a probe does.
    while (!(await send(batch))) {
      if (stopping) return;
      await sleep(50);
    }
    acked.push(...batch);
    if (run % RESEND_EVERY === 0) await send(batch);
    if (Number(pauseMs) > 0) await sleep(Number(pauseMs));
  }
}

/** True for a 202 that took the whole batch. */
async function send(batch: readonly Acked[]): Promise<boolean> {
  const samples = batch.map(([target, timestamp, latency_ms, packet_loss, run]) => ({
    node_id: "load-node",
    country: "GH",
    region: "Kumasi",
    target,
    check: "tcp",
    timestamp,
    latency_ms,
    packet_loss,
    uptime_pct: 100,
    metadata: { run },
  }));
  try {
    const answer = await fetch(`${apiUrl}/api/push`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(samples),
      signal: AbortSignal.timeout(10_000),
    });
    const body = (await answer.json()) as { data?: { queued?: number } };
    if (answer.status === 202 && body.data?.queued === batch.length) return true;
    // A refusal that is not about a part being away is a fault of this test or of the product.
    if (answer.status < 500) throw new Error(`push: ${answer.status} ${JSON.stringify(body)}`);
    return false;
  } catch (err) {
    if (err instanceof Error && err.message.startsWith("push:")) throw err;
    return false; // connection refused or cut: the API was killed
  }
}
