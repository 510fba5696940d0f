import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPlainRequest } from "./plain-request.js";

const LINES = [
  "Host: api",
  "Authorization: Bearer fbr_x",
  "Content-Type: application/json",
  "Content-Length: 2",
];

function request(lines: readonly string[] = LINES, body = "{}", start = "POST /api/push HTTP/1.1") {
  return Buffer.from(
    `${start}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`,
    "latin1",
  );
}

/** The requests that node:http reads from bytes, and whether it took them for HTTP. */
async function readByNode(bytes: Buffer) {
  const requests: { req: IncomingMessage; body: Buffer }[] = [];
  let broken = false;
  const server = createServer((req) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => requests.push({ req, body: Buffer.concat(chunks) }));
  });
  server.on("clientError", () => {
    broken = true;
  });
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit("connection", socket);
  socket.push(bytes);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  socket.destroy();
  return { requests, broken };
}

describe("a plain push", () => {
  it("is read whole, whatever the case of its header names and the blanks around values", () => {
    const lines = [
      "HOST:api",
      "authorization: \t Bearer fbr_x ",
      ...LINES.slice(2),
      "X-Trace-ID: t-1",
    ];
    expect(readPlainRequest(request(lines))).toEqual({
      token: "fbr_x",
      headers: { "x-request-id": undefined, "x-trace-id": "t-1" },
      body: Buffer.from("{}"),
    });
  });

  it.each([
    ["another path", request(LINES, "{}", "POST /api/push/ HTTP/1.1")],
    ["a query", request(LINES, "{}", "POST /api/push?x HTTP/1.1")],
    ["another method", request(LINES, "{}", "PUT /api/push HTTP/1.1")],
    ["HTTP/1.0", request(LINES, "{}", "POST /api/push HTTP/1.0")],
    ["nothing", Buffer.alloc(0)],
    ["half a head", request().subarray(0, 60)],
    ["a body that is not whole", request(LINES, "{")],
    ["a second request behind it", Buffer.concat([request(), request()])],
    ["no host", request(LINES.slice(1))],
    ["no length", request(LINES.slice(0, 3))],
    ["a length with a sign", request([...LINES.slice(0, 3), "Content-Length: +2"])],
    ["two lengths", request([...LINES, "Content-Length: 2"])],
    ["two tokens", request([...LINES, "Authorization: Bearer fbr_y"])],
    ["no token", request([LINES[0] ?? "", ...LINES.slice(2)])],
    ["another scheme", request([...LINES.slice(2), "Host: x", "Authorization: Basic eA=="])],
    [
      "another type",
      request([...LINES.slice(0, 2), "Content-Length: 2", "Content-Type: text/plain"]),
    ],
    ["chunks", request([...LINES, "Transfer-Encoding: chunked"])],
    ["gzip", request([...LINES, "Content-Encoding: gzip"])],
    ["a wish to be asked first", request([...LINES, "Expect: 100-continue"])],
    ["a last request", request([...LINES, "Connection: close"])],
    ["another protocol", request([...LINES, "Connection: upgrade", "Upgrade: websocket"])],
    ["a folded line", request([...LINES, " more"])],
    ["a blank before the colon", request([...LINES, "X-A : b"])],
    ["a bare line feed", request([...LINES, "X-A: b\nContent-Length: 2"])],
    ["a bare carriage return", request([...LINES, "X-A: b\rX-B: c"])],
    ["a NUL", request([...LINES, "X-A: \0"])],
    ["a byte beyond ASCII", request([...LINES, "X-A: \xff"])],
    ["a long head", request([...LINES, `X-A: ${"a".repeat(5_000)}`])],
  ])("is not one with %s", (_what, bytes) => {
    expect(readPlainRequest(bytes)).toBeNull();
  });

  it("is what node:http reads from the same bytes, and all that it reads", async () => {
    const name = fc.constantFrom(
      ...["host", "Host", "authorization", "content-type", "content-length", "Connection", "x-a"],
      ...["transfer-encoding", "expect", "x-request-id", "content-encoding", "te", "cookie", "\0"],
    );
    const value = fc.oneof(
      fc.constantFrom(
        "application/json",
        "Bearer t",
        "2",
        "02",
        "0",
        "keep-alive",
        "close",
        "a, b",
      ),
      fc.constantFrom(
        "chunked",
        "gzip",
        "identity",
        "",
        " ",
        "\t",
        "2 ",
        "2,2",
        "-2",
        "0x2",
        "\x7f",
      ),
      fc.string({ maxLength: 5, unit: "binary-ascii" }),
    );
    const line = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...LINES) },
      { weight: 3, arbitrary: fc.tuple(name, value).map(([n, v]) => `${n}: ${v}`) },
      { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: "binary-ascii" }) },
    );
    const extra = fc.array(line, { maxLength: 3 });
    const body = fc.constantFrom("{}", "", "{", "[1]", "{}POST /api/push HTTP/1.1\r\n\r\n");
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(extra, extra, body, async (before, after, text) => {
        const bytes = request([...before, ...LINES, ...after], text);
        const read = readPlainRequest(bytes);
        if (read === null) return;
        plain++;
        const { requests, broken } = await readByNode(bytes);
        expect(broken).toBe(false);
        expect(requests).toHaveLength(1);
        const [{ req, body: theirs }] = requests as [{ req: IncomingMessage; body: Buffer }];
        expect([req.method, req.url, req.httpVersion]).toEqual(["POST", "/api/push", "1.1"]);
        expect(req.headers.authorization).toBe(`Bearer ${read.token}`);
        expect(req.headers["content-type"]).toBe("application/json");
        expect(req.headers["x-request-id"]).toBe(read.headers["x-request-id"]);
        expect(theirs.equals(read.body)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    expect(plain).toBeGreaterThan(30);
  });
});
