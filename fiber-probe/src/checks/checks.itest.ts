import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode, encode } from "dns-packet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLogger } from "#runtime";
import { freePort, requireTool } from "#testkit";
import type { HttpTarget, TcpTarget, TlsTarget, WorkerTarget } from "../config/target.js";
import { createCheckWorker } from "./check-worker.js";
import { createIcmp } from "./icmp.js";
import type { Outcome } from "./outcome.js";

const log = createLogger({ role: "test", level: "silent" });
const worker = createCheckWorker(log);
const folder = mkdtempSync(join(tmpdir(), "fiber-checks-"));
const closing: (() => void)[] = [];
let tls = { key: "", cert: "" };

beforeAll(() => {
  const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const output = ["-keyout", files.key, "-out", files.cert];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", ...kind, "-days", "5", ...subject, ...output], { stdio: "pipe" });
  tls = { key: readFileSync(files.key, "utf8"), cert: readFileSync(files.cert, "utf8") };
});
afterAll(async () => {
  for (const close of closing) close();
  await worker.close();
  rmSync(folder, { recursive: true, force: true });
});

const base = { name: "t", count: 1, timeoutMs: 5_000 };

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function once1(target: WorkerTarget): Promise<Outcome> {
  const [outcome] = await worker.run(target, 10);
  if (outcome === undefined) throw new Error("the worker answered without an outcome");
  return outcome;
}

const tcp = (port: number, more: Partial<TcpTarget> = {}): TcpTarget => ({
  ...base,
  check: "tcp",
  endpoint: { hostname: "127.0.0.1", port },
  ...more,
});
const http = (url: string, more: Partial<HttpTarget> = {}): HttpTarget => ({
  ...base,
  check: "http",
  url,
  verify: true,
  ...more,
});

describe("tcp", () => {
  test("answers, waits for a banner, and tells its phases", async () => {
    const port = await listen(
      createServer((socket) => {
        setTimeout(() => socket.end("220 mail ready\r\n"), 60);
      }),
    );
    expect(await once1(tcp(port))).toMatchObject({ kind: "answered" });
    const outcome = await once1(tcp(port, { banner: "220 " }));
    expect(outcome).toMatchObject({ kind: "answered", phases: { connect_ms: expect.any(Number) } });
    // The timer of the server may fire a millisecond early.
    if (outcome.kind === "answered") expect(outcome.rttMs).toBeGreaterThanOrEqual(58);
    expect(await once1(tcp(port, { banner: "SSH-2.0" }))).toMatchObject({
      kind: "failed",
      reason: "closed before the expected banner",
    });
  });

  test("a closed port is refused, a silent server times out, a reset is a failure", async () => {
    expect(await once1(tcp(await freePort()))).toMatchObject({ kind: "refused" });
    const silent = await listen(createServer(() => undefined));
    const waits = tcp(silent, { banner: "x", timeoutMs: 100 });
    expect(await once1(waits)).toMatchObject({ kind: "timeout" });
    const resetting = await listen(createServer((socket) => socket.resetAndDestroy()));
    expect(await once1(tcp(resetting, { banner: "x" }))).toMatchObject({
      kind: "failed",
      reason: "connection reset",
    });
  });

  test("a name that does not exist is a failure with its reason", async () => {
    const target = tcp(80, { endpoint: { hostname: "does-not-exist.invalid", port: 80 } });
    expect(await once1({ ...target, timeoutMs: 20_000 })).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("name"),
    });
  });

  test("sends its probes one after the other period, answered or not", async () => {
    const port = await listen(createServer());
    const outcomes = await worker.run(tcp(port, { count: 5 }), 20);
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(5).fill("answered"));
  });
});

describe("http", () => {
  test("expects status and body; says what it got instead", async () => {
    const server = createHttpServer((request, response) => {
      response.statusCode = request.url === "/missing" ? 404 : 200;
      response.end('{"status":"ok"}');
    });
    const url = `http://127.0.0.1:${await listen(server)}`;
    expect(await once1(http(url, { body: '"ok"' }))).toMatchObject({
      kind: "answered",
      facts: { status: 200 },
      phases: { connect_ms: expect.any(Number), first_byte_ms: expect.any(Number) },
    });
    expect(await once1(http(`${url}/missing`))).toMatchObject({ reason: "status 404" });
    expect(await once1(http(url, { status: 204 }))).toMatchObject({
      kind: "failed",
      reason: "status 200, expected 204",
    });
    expect(await once1(http(url, { body: "maintenance" }))).toMatchObject({ kind: "failed" });
    expect(await once1(http(`${url}/missing`, { status: 404 }))).toMatchObject({
      kind: "answered",
    });
  });

  test("a server that speaks something else is a failure, a silent one a timeout", async () => {
    const gibberish = await listen(createServer((socket) => socket.end("SSH-2.0-x\r\n")));
    expect(await once1(http(`http://127.0.0.1:${gibberish}/`))).toMatchObject({ kind: "failed" });
    const silent = await listen(createServer(() => undefined));
    expect(await once1(http(`http://127.0.0.1:${silent}/`, { timeoutMs: 100 }))).toMatchObject({
      kind: "timeout",
    });
  });

  test("an untrusted certificate is a failure, unless it is not verified", async () => {
    const server = createHttpsServer(tls, (_request, response) => response.end("ok"));
    const url = `https://localhost:${await listen(server)}/`;
    expect(await once1(http(url))).toMatchObject({ kind: "failed" });
    expect(await once1(http(url, { verify: false }))).toMatchObject({
      kind: "answered",
      phases: { dns_ms: expect.any(Number), tls_ms: expect.any(Number) },
    });
  });
});

test("tls tells expiry and an invalid chain as facts", async () => {
  const port = await listen(createHttpsServer(tls));
  const target: TlsTarget = {
    ...base,
    check: "tls",
    endpoint: { hostname: "127.0.0.1", port },
    serverName: "localhost",
    warnDays: 21,
    criticalDays: 7,
  };
  expect(await once1(target)).toMatchObject({
    kind: "answered",
    facts: {
      chain_valid: false,
      chain_error: "DEPTH_ZERO_SELF_SIGNED_CERT",
      expires_in_days: 4,
      expiry: "critical",
      protocol: "TLSv1.3",
    },
  });
});

test("dns asks over UDP, checks the record, and ignores strangers' packets", async () => {
  const server = createSocket("udp4");
  server.on("message", (message, peer) => {
    const { id = 0, questions = [] } = decode(message);
    const name = questions[0]?.name ?? "";
    const send = (answerId: number) => {
      const known = name === "known.example";
      const answers = known ? [{ type: "A" as const, name, data: "192.0.2.7" }] : [];
      const flags = known ? 0 : 3;
      const packet = encode({ type: "response", id: answerId, flags, questions, answers });
      server.send(packet, peer.port, peer.address);
    };
    send((id + 1) % 65_536);
    send(id);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const ask = (question: string, record?: string) =>
    once1({
      ...base,
      check: "dns",
      question,
      recordType: "A",
      server: { hostname: "127.0.0.1", port: server.address().port },
      ...(record === undefined ? {} : { record }),
    });
  expect(await ask("known.example", "192.0.2.7")).toMatchObject({ kind: "answered" });
  expect(await ask("known.example", "192.0.2.8")).toMatchObject({ kind: "failed" });
  expect(await ask("other.example")).toMatchObject({ kind: "failed", reason: "NXDOMAIN" });
});

test("a busy main loop does not slow down what the worker measures", async () => {
  const child = createServer((socket) => socket.end());
  const port = await listen(child);
  const measured = worker.run(tcp(port, { count: 20 }), 20);
  const endMs = performance.now() + 600;
  // The kernel accepts connections while this loop is busy most of the time.
  while (performance.now() < endMs) {
    const busyUntilMs = performance.now() + 60;
    while (performance.now() < busyUntilMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const rtts = (await measured).map((outcome) => (outcome.kind === "answered" ? outcome.rttMs : 0));
  const sorted = rtts.sort((a, b) => a - b);
  expect(sorted).toHaveLength(20);
  expect(sorted[10]).toBeLessThan(30);
});

describe.skipIf(!requireTool("fping"))("icmp", () => {
  const round = { count: 3, timeoutMs: 500, intervalMs: 3_000 };
  const never = new AbortController().signal;

  test("measures many addresses in one round, IPv4 and duplicates aside", async () => {
    const icmp = createIcmp(log);
    const addresses = Array.from({ length: 50 }, (_, i) => `127.0.1.${i + 1}`);
    const result = await icmp.run({ addresses, ...round }, never);
    expect(result.kind).toBe("measured");
    if (result.kind !== "measured") return;
    expect([...result.rtts.keys()].sort()).toEqual([...addresses].sort());
    for (const list of result.rtts.values()) expect(list).toHaveLength(3);
  });

  test("where neither fping nor ping can run, the check is unable, not lost", async () => {
    const path = process.env.PATH;
    process.env.PATH = folder;
    try {
      const result = await createIcmp(log).run({ addresses: ["127.0.0.1"], ...round }, never);
      expect(result).toMatchObject({
        kind: "unable",
        reason: "fping is not installed; ping is not installed",
      });
    } finally {
      process.env.PATH = path;
    }
  });
});
