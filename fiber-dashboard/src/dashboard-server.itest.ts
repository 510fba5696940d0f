import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorBodySchema, type FiberError } from "#contracts";
import { loadConfig } from "#runtime";
import { type RecordedApi, startRecordedApi } from "../web/testing/recorded-api.js";
import { dashboardConfigSchema } from "./config.js";
import { startDashboard } from "./start-dashboard.js";

const log = pino({ level: "silent" });
const webFolder = mkdtempSync(join(tmpdir(), "fiber-web-"));
const configure = (env: Record<string, string>) =>
  loadConfig(dashboardConfigSchema, { FIBER_DASHBOARD_PORT: "0", ...env });

let api: RecordedApi;
let dashboard: Awaited<ReturnType<typeof startDashboard>>;
let url: string;

beforeAll(async () => {
  mkdirSync(join(webFolder, "assets"));
  writeFileSync(join(webFolder, "index.html"), "<!doctype html><title>app</title>");
  writeFileSync(join(webFolder, "assets", "index-a1b2c3d4.js"), "export {};".repeat(400));
  writeFileSync(join(webFolder, "assets", "index-a1b2c3d4.js.br"), "brotli");
  api = await startRecordedApi("calm");
  dashboard = await startDashboard({
    config: configure({ FIBER_API_URL: api.url }),
    log,
    webFolder,
  });
  url = `http://127.0.0.1:${dashboard.port}`;
});
afterAll(async () => {
  await dashboard.stop();
  await api.stop();
  rmSync(webFolder, { recursive: true });
});

describe("pages and files", () => {
  it("answers every page address with the app, never cached", async () => {
    for (const path of ["/", "/inventory", "/?scope=7d"]) {
      const response = await fetch(url + path);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("<title>app</title>");
      expect(response.headers.get("cache-control")).toBe("no-cache");
    }
  });

  it("caches files with a hash for ever, and sends the compressed copy", async () => {
    const response = await fetch(`${url}/assets/index-a1b2c3d4.js`, {
      method: "HEAD",
      headers: { "accept-encoding": "br" },
    });
    expect(response.headers.get("cache-control")).toContain("immutable");
    expect(response.headers.get("content-encoding")).toBe("br");
  });

  it.each(["/missing.js", "/assets/index-old.css", "/../package.json", "/%2e%2e/package.json"])(
    "answers %s with 404 and an envelope",
    async (path) => {
      const response = await fetch(url + path);
      expect(response.status).toBe(404);
      expect(errorBodySchema.parse(await response.json()).code).toBe("ROUTE_NOT_FOUND");
    },
  );

  it("allows only its own origin, and never upgrades to HTTPS", async () => {
    const policy = (await fetch(url)).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("style-src 'self';");
    expect(policy).not.toMatch(/unsafe|upgrade-insecure-requests/);
  });

  it("is alive", async () => {
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });
  });
});

describe("the way to the API", () => {
  it("passes answers and errors through", async () => {
    expect((await fetch(`${url}/api/metrics`)).status).toBe(200);
    const missing = await fetch(`${url}/api/no-such-route`);
    expect(missing.status).toBe(404);
    expect(errorBodySchema.parse(await missing.json()).request_id).toBe("req-recorded");
  });

  it("tells the API who asked, whatever the client claims", async () => {
    const host = `localhost:${dashboard.port}`;
    const headers = {
      "x-forwarded-for": "203.0.113.9",
      forwarded: "for=203.0.113.9",
      "x-request-id": "my-request",
    };
    await fetch(`http://${host}/api/nodes`, { headers });
    const seen = api.lastHeaders();
    expect(["127.0.0.1", "::1", "::ffff:127.0.0.1"]).toContain(seen["x-forwarded-for"]);
    expect(seen.forwarded).toBeUndefined();
    expect(seen.host).toBe(host);
    expect(seen["x-request-id"]).toBe("my-request");
  });

  it("answers 502 with an envelope while the API is away", async () => {
    const closed = await startRecordedApi("calm");
    await closed.stop();
    const config = configure({ FIBER_API_URL: closed.url });
    const lonely = await startDashboard({ config, log, webFolder });
    const response = await fetch(`http://127.0.0.1:${lonely.port}/api/nodes`);
    expect(response.status).toBe(502);
    expect(response.headers.get("retry-after")).toBe("2");
    expect(errorBodySchema.parse(await response.json()).code).toBe("API_UNREACHABLE");
    await lonely.stop();
  });

  it("does not repeat a request that the API refused with Retry-After", async () => {
    let requests = 0;
    const busy = createServer((_request, response) => {
      requests += 1;
      response.writeHead(503, { "retry-after": "1" }).end("{}");
    });
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as AddressInfo;
    const config = configure({ FIBER_API_URL: `http://127.0.0.1:${port}` });
    const server = await startDashboard({ config, log, webFolder });
    expect((await fetch(`http://127.0.0.1:${server.port}/api/nodes`)).status).toBe(503);
    expect(requests).toBe(1);
    await server.stop();
    await new Promise((resolve) => busy.close(resolve));
  });
});

describe("event streams", () => {
  const openStream = async (base: string, signal?: AbortSignal) => {
    const response = await fetch(`${base}/api/live`, {
      headers: { accept: "text/event-stream" },
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.body === null) throw new Error("the stream has no body");
    return response.body.pipeThrough(new TextDecoderStream()).getReader();
  };
  const eventually = async (check: () => boolean) => {
    const deadline = Date.now() + 10_000;
    while (!check() && Date.now() < deadline) await new Promise((r) => setTimeout(r, 20));
    expect(check()).toBe(true);
  };

  it("come through event by event", async () => {
    const end = new AbortController();
    const reader = await openStream(url, end.signal);
    expect((await reader.read()).value).toContain("event: hello");
    api.send({ event: "samples", data: [] });
    expect((await reader.read()).value).toContain("event: samples");
    end.abort();
    await eventually(() => api.streams() === 0);
  });

  it("end when the dashboard stops, which does not wait for the reader", async () => {
    const config = configure({ FIBER_API_URL: api.url });
    const server = await startDashboard({ config, log, webFolder });
    const reader = await openStream(`http://127.0.0.1:${server.port}`);
    await reader.read();
    await server.stop();
    await eventually(() => api.streams() === 0);
    const ended = await reader.read().then(
      ({ done }) => done,
      () => true,
    );
    expect(ended).toBe(true);
  });
});

describe("what keeps it from starting", () => {
  it("says that the pages are not built", async () => {
    const empty = mkdtempSync(join(tmpdir(), "fiber-web-"));
    const start = startDashboard({ config: configure({}), log, webFolder: empty });
    await expect(start).rejects.toMatchObject({
      code: "DASHBOARD_NOT_BUILT",
      message: expect.stringContaining("npm run build"),
    } satisfies Partial<FiberError>);
    rmSync(empty, { recursive: true });
  });

  it("says that its port is taken, and by which variable to change it", async () => {
    const config = configure({ FIBER_DASHBOARD_PORT: String(dashboard.port) });
    await expect(startDashboard({ config, log, webFolder })).rejects.toMatchObject({
      code: "PORT_TAKEN",
      message: expect.stringContaining("FIBER_DASHBOARD_PORT"),
    });
  });

  it.each(["not a url", "ftp://host", "localhost:8000"])("refuses FIBER_API_URL %s", (text) => {
    expect(() => configure({ FIBER_API_URL: text })).toThrow(/FIBER_API_URL/);
  });
});
