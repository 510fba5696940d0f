import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLogger, systemClock } from "#runtime";
import { openSpool, type Spool } from "../spool/spool.js";
import { createJsonPoster } from "./post-json.js";
import { type Sender, startSender } from "./sender.js";
import { createUplinkChoice } from "./uplink-choice.js";

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A real server that records what is pushed and answers as told. */
interface Hub {
  readonly url: string;
  readonly pushes: { readonly atMs: number; readonly size: number; readonly token: string }[];
  readonly taken: string[];
  answer: (records: readonly string[]) => Answer;
}

const log = createLogger({ role: "test", level: "silent" });
let folder = "";
let spool: Spool;
let sender: Sender | null = null;
const servers: Server[] = [];
const poster = createJsonPoster();
const accepted = (rejected?: unknown): Answer => ({
  status: 202,
  body: { status: "accepted", data: { queued: 1 }, rejected },
});
const refused = (status: number, code: string, headers = {}): Answer => ({
  status,
  headers,
  body: { status: "error", code, message: "told so", request_id: "r" },
});

async function startHub(): Promise<Hub> {
  const hub = { url: "", pushes: [], taken: [], answer: () => accepted() } as Hub;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const records = JSON.parse(Buffer.concat(chunks).toString()) as string[];
      const token = request.headers.authorization ?? "";
      hub.pushes.push({ atMs: performance.now(), size: records.length, token });
      const { status, body, headers = {} } = hub.answer(records);
      if (status === 202) hub.taken.push(...records);
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body ?? {}));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return Object.assign(hub, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function send(hubs: readonly Hub[], records: number) {
  spool.append(Array.from({ length: records }, (_, i) => JSON.stringify(`r${i}`)));
  const uplinks = hubs.map(({ url }, i) => ({ url, tokenEnv: "T", token: `token-${i}` }));
  const choice = createUplinkChoice(uplinks, { log, now: Date.now, random: () => 0.2 });
  const after = Promise.resolve();
  sender = startSender({ spool, choice, poster, clock: systemClock, log, after });
}

const soon = { timeout: 20_000, interval: 20 };
const all = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-sender-"));
  spool = openSpool({ path: join(folder, "s"), maxSamples: 10_000, maxBytes: 10_000_000, log });
});
afterEach(async () => {
  await sender?.stop();
  sender = null;
  spool.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true, force: true });
});

test("sends everything once, in batches of at most 1,000, with the bearer token", async () => {
  const hub = await startHub();
  send([hub], 2_500);
  await vi.waitFor(() => expect(spool.counts().samples).toBe(0), soon);
  expect(hub.taken).toEqual(all(2_500));
  expect(Math.max(...hub.pushes.map(({ size }) => size))).toBeLessThanOrEqual(1_000);
  expect(hub.pushes[0]?.token).toBe("Bearer token-0");
});

test.each([
  ["seconds", () => "2"],
  ["a date", () => new Date(Date.now() + 3_000).toUTCString()],
])("honours Retry-After in %s", async (_what, header) => {
  const hub = await startHub();
  hub.answer = () =>
    hub.pushes.length === 1 ? refused(503, "OVERLOADED", { "retry-after": header() }) : accepted();
  send([hub], 10);
  await vi.waitFor(() => expect(hub.taken).toEqual(all(10)), soon);
  const [first, second] = hub.pushes;
  // A date has whole seconds, so up to one of the three is cut off.
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(1_800);
});

test("fails over to the next uplink and back to the preferred one", async () => {
  const [preferred, other] = [await startHub(), await startHub()];
  preferred.answer = () => refused(503, "DATABASE_UNAVAILABLE", { "retry-after": "1" });
  send([preferred, other], 10);
  await vi.waitFor(() => expect(other.taken).toEqual(all(10)), soon);
  preferred.answer = () => accepted();
  await systemClock.sleep(1_100);
  spool.append(['"back"']);
  sender?.wake();
  await vi.waitFor(() => expect(preferred.taken).toEqual(["back"]), soon);
  expect(spool.counts()).toMatchObject({ samples: 0, dropped: 0 });
});

test("a dead uplink is passed over too", async () => {
  const [dead, other] = [await startHub(), await startHub()];
  servers[0]?.close();
  servers[0]?.closeAllConnections();
  send([dead, other], 3);
  await vi.waitFor(() => expect(other.taken).toEqual(all(3)), soon);
});

test("splits what is too large, down to the one sample that never fits", async () => {
  const hub = await startHub();
  hub.answer = (records) =>
    records.length > 64 || records.includes("r77") ? refused(413, "PAYLOAD_TOO_LARGE") : accepted();
  send([hub], 200);
  await vi.waitFor(() => expect(spool.counts().samples).toBe(0), soon);
  expect(hub.taken).toEqual(all(200).filter((record) => record !== "r77"));
});

test("samples refused one by one are dropped, not sent again", async () => {
  const hub = await startHub();
  hub.answer = () => accepted([{ index: 1, code: "INVALID_SAMPLE", message: "no" }]);
  send([hub], 3);
  await vi.waitFor(() => expect(spool.counts().samples).toBe(0), soon);
  await systemClock.sleep(300);
  expect(hub.pushes).toHaveLength(1);
});

test.each([
  [401, "UNAUTHENTICATED"],
  [403, "NODE_MISMATCH"],
  [410, "NODE_DELETED"],
])("%i keeps the data and waits long", async (status, code) => {
  const hub = await startHub();
  hub.answer = () => refused(status, code);
  send([hub], 3);
  await vi.waitFor(() => expect(hub.pushes).toHaveLength(1), soon);
  await systemClock.sleep(1_500);
  expect(hub.pushes).toHaveLength(1);
  expect(spool.counts()).toMatchObject({ samples: 3, dropped: 0 });
});

test("an answer that is not the API's keeps the data", async () => {
  const hub = await startHub();
  hub.answer = () => (hub.pushes.length === 1 ? { status: 200, body: "<html>" } : accepted());
  send([hub], 3);
  await vi.waitFor(() => expect(hub.taken).toEqual(all(3)), soon);
  expect(hub.pushes.length).toBeGreaterThan(1);
});
