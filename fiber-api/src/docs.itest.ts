import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "./api.itest-kit.js";

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly responses?: Readonly<Record<string, unknown>>;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

let api: TestApi;
let document: OpenApi;
beforeAll(async () => {
  api = await startTestApi();
  document = (await api.app.inject({ url: "/docs/json" })).json();
});
afterAll(() => api.close());

const ROUTES = [
  "GET /",
  "GET /health",
  "GET /metrics",
  "GET /api/status",
  "GET /api/maintenance",
  "GET /api/releases",
  "GET /api/readiness",
  "GET /api/runs",
  "GET /api/runs/live",
  "GET /api/runs/{id}",
  "GET /api/metrics",
  "GET /api/series",
  "GET /api/metrics/aggregated",
  "GET /api/metrics/cluster",
  "GET /api/nodes",
  "POST /api/nodes",
  "GET /api/nodes/{id}",
  "PATCH /api/nodes/{id}",
  "DELETE /api/nodes/{id}",
  "POST /api/push",
  "POST /api/probe/heartbeat",
  "GET /api/live",
];

test("is OpenAPI 3.1 and names exactly the routes there are, each with a summary and answers", () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const named = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(named.sort()).toEqual([...ROUTES].sort());
  for (const operations of Object.values(document.paths)) {
    for (const operation of Object.values(operations)) {
      expect(operation.summary).toBeTruthy();
      expect(operation.tags).toHaveLength(1);
      expect(Object.keys(operation.responses ?? {})).not.toHaveLength(0);
    }
  }
});

test("every reference leads somewhere", () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((m) => m[1] ?? "");
  expect(refs.length).toBeGreaterThan(5);
  for (const ref of refs) {
    const name = /^#\/components\/schemas\/([^/]+)$/.exec(ref)?.[1] ?? ref;
    expect(Object.keys(document.components.schemas)).toContain(name);
  }
});

test("schemas are JSON Schema that others can read", () => {
  expect(document.components.schemas).toHaveProperty("Error");
  expect(JSON.stringify(document)).not.toContain("undefined");
  const push = document.paths["/api/push"]?.post;
  expect(JSON.stringify(push)).toContain("PushAccepted");
});

test("a page for people", async () => {
  const page = await api.app.inject({ url: "/docs" });
  expect([page.statusCode, page.headers["content-type"]]).toEqual([
    200,
    "text/html; charset=utf-8",
  ]);
  expect(page.body).not.toMatch(/https?:\/\/(?!localhost)[a-z]/);
});

test("counts in Prometheus' format", async () => {
  await api.app.inject({ url: "/api/nodes" });
  const answer = await api.app.inject({ url: "/metrics" });
  expect(answer.headers["content-type"]).toContain("text/plain");
  expect(answer.body).toMatch(
    /fiber_http_request_duration_seconds_count\{method="GET",route="\/api\/nodes",status="200"\} 1/,
  );
  expect(answer.body).toMatch(/^fiber_ingest_depth 0$/m);
});
