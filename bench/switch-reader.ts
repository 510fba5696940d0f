// A process of its own that reads in a closed loop with several clients. Usage: switch-reader.ts URL.
// On a line "mark" on stdin it prints what it saw since the mark before:
// {"reads", "failures", "longestGapMs", "longestGapAt", "longestWaitMs"}: the gap is between two good
// answers to any client and ended at that time, the wait is from one good answer to the next of the
// same client.
import { Agent, get } from "node:http";
import { createInterface } from "node:readline";

const [url = ""] = process.argv.slice(2);
const CLIENTS = 8;

let seen = fresh();
let lastGoodMs = performance.now();

function fresh() {
  return { reads: 0, failures: 0, longestGapMs: 0, longestGapAt: "", longestWaitMs: 0 };
}

async function client(): Promise<never> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let mineMs = performance.now();
  for (;;) {
    const good = await read(agent);
    const nowMs = performance.now();
    seen.reads++;
    if (good) {
      if (nowMs - lastGoodMs > seen.longestGapMs) {
        seen.longestGapMs = nowMs - lastGoodMs;
        seen.longestGapAt = new Date().toISOString();
      }
      seen.longestWaitMs = Math.max(seen.longestWaitMs, nowMs - mineMs);
      lastGoodMs = nowMs;
      mineMs = nowMs;
    } else {
      seen.failures++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function read(agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 10_000 }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode === 200));
      answer.once("error", () => resolve(false));
    });
    request.once("timeout", () => request.destroy(new Error("timed out")));
    request.once("error", () => resolve(false));
  });
}

createInterface({ input: process.stdin })
  .on("line", () => {
    console.log(JSON.stringify(seen));
    seen = fresh();
  })
  .on("close", () => process.exit(0));
for (let count = 0; count < CLIENTS; count++) void client();
