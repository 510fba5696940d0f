import { describe, expect, it } from "vitest";
import {
  aggregatedSchema,
  clusterSchema,
  latestRoundSchema,
  nodeListSchema,
  readinessAnswerSchema,
  runAnswerSchema,
  runListSchema,
  seriesSchema,
} from "#contracts";
import { answer } from "./recorded-api.js";

const FLEETS = ["calm", "trouble", "empty", "large"] as const;

describe("the recorded API keeps to the contracts", () => {
  const schemas = [
    ["/api/nodes", nodeListSchema],
    ["/api/metrics", latestRoundSchema.array()],
    ["/api/metrics/cluster", clusterSchema],
    ["/api/metrics/aggregated?dimension=node", aggregatedSchema],
    ["/api/readiness", readinessAnswerSchema],
    ["/api/runs", runListSchema],
    ["/api/runs/20261122T101500Z-deploy", runAnswerSchema],
  ] as const;

  for (const fleet of FLEETS) {
    it.each(schemas)(`${fleet}: %s`, (path, schema) => {
      const body = JSON.parse(JSON.stringify(answer(new URL(path, "http://api"), fleet)));
      expect(schema.parse(body)).toEqual(body);
    });
  }

  it("answers a series", () => {
    const path = "/api/series?node_id=probe-ng-lagos&target=127.0.0.1&check=icmp";
    const body = JSON.parse(JSON.stringify(answer(new URL(path, "http://api"), "trouble")));
    expect(seriesSchema.parse(body)).toEqual(body);
  });
});
