// A process of its own that reads without pause and notes when answers fail. Usage:
// read-prober.ts URL [TOKEN]. On TERM it prints {"reads", "failures", "longestOutageMs", "kinds"}: an outage
// lasts from the end of the last good answer before a failure to the end of the next good one.
const [url = "", token] = process.argv.slice(2);
const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};

let stopping = false;
process.on("SIGTERM", () => {
  stopping = true;
});

let reads = 0;
const failed: string[] = [];
let lastGoodMs = performance.now();
let out = false;
let longestOutageMs = 0;

while (!stopping) {
  const problem = await read();
  const nowMs = performance.now();
  reads++;
  if (problem === null) {
    if (out) longestOutageMs = Math.max(longestOutageMs, nowMs - lastGoodMs);
    out = false;
    lastGoodMs = nowMs;
  } else {
    out = true;
    failed.push(problem);
  }
  if (reads === 1) console.log("reading");
  await new Promise((resolve) => setTimeout(resolve, 10));
}
if (out) longestOutageMs = Math.max(longestOutageMs, performance.now() - lastGoodMs);
const kinds = [...new Set(failed)];
console.log(JSON.stringify({ reads, failures: failed.length, longestOutageMs, kinds }));

/** What was wrong with an answer; null for 200 with an array of rows. */
async function read(): Promise<string | null> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
    const body: unknown = await answer.json();
    if (answer.status === 200 && Array.isArray(body)) return null;
    return `${answer.status} ${(body as { code?: string }).code ?? ""}`;
  } catch (err) {
    return (err as Error).message;
  }
}
