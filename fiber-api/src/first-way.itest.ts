import { afterAll, beforeAll, expect, test } from "vitest";
import { latestRoundSchema, nodeListSchema, statusSchema } from "#contracts";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test("a pushed sample is the node's latest round and makes the node known", async () => {
  const node_id = "probe-gh-accra";
  const headers = await api.bearer("probe", node_id);
  const samples = [
    makeSample({ node_id }),
    makeSample({ node_id, target: "192.0.2.10", check: "icmp", latency_ms: 20 }),
  ];
  const pushed = await api.app.inject({
    method: "POST",
    url: "/api/push",
    headers,
    payload: samples,
  });
  expect(pushed.json()).toEqual({ status: "accepted", data: { queued: 2 } });
  expect(pushed.statusCode).toBe(202);

  const metrics = await api.app.inject({ url: "/api/metrics" });
  expect(metrics.statusCode).toBe(200);
  const rounds = latestRoundSchema.array().parse(metrics.json());
  expect(rounds).toHaveLength(1);
  expect(rounds[0]).toMatchObject({ node_id, latency_ms: 12.5, region: "Accra" });
  expect(rounds[0]?.targets).toMatchObject([{ target: "192.0.2.10", check: "icmp" }]);

  const nodes = nodeListSchema.parse((await api.app.inject({ url: "/api/nodes" })).json());
  expect(nodes.data).toMatchObject([
    { node_id, series: [{ target: "192.0.2.10", check: "icmp" }], latest: { latency_ms: 12.5 } },
  ]);
  const status = await api.app.inject({ url: "/api/status" });
  expect(statusSchema.parse(status.json())).toMatchObject({
    status: "ok",
    data: { release: "test", database: "ok", probes: { expected: 1, reporting: 1 } },
  });
  expect(status.statusCode).toBe(200);
});
