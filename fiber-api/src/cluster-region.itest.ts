import { afterAll, beforeAll, expect, test } from "vitest";
import { clusterSchema } from "#contracts";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

let api: TestApi;
let admin: { authorization: string };

beforeAll(async () => {
  api = await startTestApi();
  admin = await api.bearer("admin");
  const timestamp = new Date(Date.now() - 60_000).toISOString();
  const payload = [
    makeSample({ node_id: "near", region: "Accra", latency_ms: 10, timestamp }),
    makeSample({ node_id: "far", region: "Lagos", latency_ms: 90, packet_loss: 50, timestamp }),
  ];
  const answer = await api.app.inject({
    method: "POST",
    url: "/api/push",
    headers: admin,
    payload,
  });
  expect(answer.statusCode).toBe(202);
});
afterAll(() => api.close());

async function cluster(query: string) {
  const url = `/api/metrics/cluster?${query}`;
  const answer = await api.app.inject({ method: "GET", url, headers: admin });
  expect(answer.statusCode, answer.body).toBe(200);
  return clusterSchema.parse(answer.json()).data;
}

const HOUR_MS = 3_600_000;

test("a region narrows figures, trend, regions, probes and problems", async () => {
  const start = new Date(Date.now() - HOUR_MS).toISOString();
  const all = await cluster(`start=${start}`);
  expect(all.probes.expected).toBe(2);
  expect(all.summary.latency_max_ms).toBe(90);

  const accra = await cluster(`start=${start}&region=Accra`);
  expect(accra.probes.expected).toBe(1);
  expect(accra.summary).toMatchObject({ samples: 1, latency_max_ms: 10, loss_pct: 0 });
  expect(accra.regions.map((group) => group.region)).toEqual(["Accra"]);
  expect(accra.problems.map((problem) => problem.region)).not.toContain("Lagos");
  const known = accra.trend.filter((point) => point.latency_median_ms !== null);
  expect(known.map((point) => point.latency_median_ms)).toEqual([10]);
});

test("an unknown region is empty, and posture stays the fleet's", async () => {
  const none = await cluster("region=Nowhere");
  expect(none.probes).toEqual({ expected: 0, reporting: 0 });
  expect(none.summary).toMatchObject({ samples: 0, latency_p50_ms: null });
  expect(none.posture.posture).toBe((await cluster("top_n=1")).posture.posture);
});
