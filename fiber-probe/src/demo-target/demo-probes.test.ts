import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadProbeConfig } from "../config/load-probe-config.js";
import type { TargetInput } from "../config/schema.js";
import { demoProbeConfigs } from "./demo-probes.js";

const folder = mkdtempSync(join(tmpdir(), "fiber-demo-probes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const make = (extraTargets: readonly TargetInput[], gateway: string | null = "192.0.2.1") =>
  demoProbeConfigs({
    ports: ["Accra", "Lagos", "Nairobi"].map((region) => ({ region, tcp: 4_001, http: 4_002 })),
    apiUrl: "http://127.0.0.1:8000",
    dashboardUrl: "http://127.0.0.1:4000",
    gateway,
    extraTargets,
    spoolPath: (nodeId) => join(folder, nodeId),
  });

function load(yaml: string) {
  const file = join(folder, "probe.yaml");
  writeFileSync(file, yaml);
  return loadProbeConfig(file, { FIBER_PROBE_TOKEN: "token" });
}

test("three probes, marked as demo, every 5 s, whose files a probe accepts", () => {
  const configs = make([]).map(({ yaml }) => load(yaml));
  expect(configs.map(({ nodeId, country, region }) => [nodeId, country, region])).toEqual([
    ["probe-gh-accra", "GH", "Accra"],
    ["probe-ng-lagos", "NG", "Lagos"],
    ["probe-ke-nairobi", "KE", "Nairobi"],
  ]);
  for (const config of configs) {
    expect(config).toMatchObject({ demo: true, intervalMs: 5_000 });
    expect(config.targets).toHaveLength(6);
  }
});

test("a gateway that answers no ping is left out", () => {
  expect(load(make([], null)[0]?.yaml ?? "").targets).toHaveLength(5);
});

test("the user's targets are measured too, once", () => {
  const own: TargetInput[] = [
    { host: "192.0.2.9", check: "icmp" },
    { host: "192.0.2.1", check: "icmp", label: "default gateway" },
  ];
  expect(load(make(own)[0]?.yaml ?? "").targets.map(({ name }) => name)).toContain("192.0.2.9");
  expect(load(make(own)[0]?.yaml ?? "").targets).toHaveLength(7);
});

test("a user's long time-out makes the demo measure less often instead of failing", () => {
  const slow: TargetInput = { host: "https://example.net/", check: "http", timeout: "5s" };
  expect(load(make([slow])[0]?.yaml ?? "").intervalMs).toBe(10_000);
});
