import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { FiberError } from "#contracts";
import { packageRoot } from "#runtime";
import { loadProbeConfig, readTargets } from "./load-probe-config.js";

const folder = mkdtempSync(join(tmpdir(), "fiber-probe-config-"));
const file = join(folder, "probe.yaml");
const env = { FIBER_PROBE_TOKEN: "token-of-the-probe", FIBER_HUB_TOKEN: "token-of-the-hub" };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEAD = `node_id: probe-gh-accra
country: GH
region: Accra
uplinks:
  - { url: http://localhost:8000/, token_env: FIBER_PROBE_TOKEN }
`;

function load(content: string | Buffer, variables: Record<string, string> = env) {
  writeFileSync(file, content);
  return loadProbeConfig(file, variables);
}

function refusal(content: string | Buffer, variables: Record<string, string> = env): string {
  try {
    load(content, variables);
  } catch (error) {
    if (error instanceof FiberError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("a good file", () => {
  test("the contract's example, word for word", () => {
    const config = load(`${HEAD}coordinates: [5.6037, -0.1870]
interval: 10s
targets:
  - { host: 192.0.2.10, check: icmp, count: 10 }
  - { host: https://example.net/health, check: http, timeout: 5s, expect: { status: 200 } }
  - { host: example.net:443, check: tls }
spool: { path: .fiber/spool, max_samples: 100000 }
`);
    expect(config).toMatchObject({
      nodeId: "probe-gh-accra",
      coordinates: [5.6037, -0.187],
      intervalMs: 10_000,
      uplinks: [{ url: "http://localhost:8000", token: "token-of-the-probe" }],
      spool: { path: join(folder, ".fiber/spool"), maxSamples: 100_000 },
    });
    expect(config.targets).toMatchObject([
      { name: "192.0.2.10", check: "icmp", count: 10 },
      { name: "https://example.net/health", check: "http", timeoutMs: 5_000, status: 200 },
      { name: "example.net:443", check: "tls", endpoint: { hostname: "example.net", port: 443 } },
    ]);
  });

  test("the documented example is accepted and sets every key", () => {
    const config = loadProbeConfig(join(packageRoot, "fiber-deploy/probe.example.yaml"), env);
    const checks = new Set(config.targets.map((target) => target.check));
    expect([...checks].sort()).toEqual(["dns", "http", "icmp", "tcp", "tls"]);
  });

  test("the environment overrides", () => {
    const config = load(HEAD, {
      ...env,
      FIBER_PROBE_NODE_ID: "other",
      FIBER_PROBE_INTERVAL: "30s",
      FIBER_PROBE_UPLINKS: "http://one:8000, http://two:8000",
      FIBER_PROBE_SPOOL: "/tmp/elsewhere",
    });
    expect(config).toMatchObject({
      nodeId: "other",
      intervalMs: 30_000,
      uplinks: [{ url: "http://one:8000" }, { url: "http://two:8000" }],
      spool: { path: "/tmp/elsewhere" },
    });
  });

  test("every documented key appears in docs/probe.md", () => {
    const page = readFileSync(join(packageRoot, "docs/probe.md"), "utf8");
    const example = readFileSync(join(packageRoot, "fiber-deploy/probe.example.yaml"), "utf8");
    const keys = new Set([...example.matchAll(/^[ #-]*([a-z_]+):/gm)].map((match) => match[1]));
    for (const key of keys) expect(page).toContain(`\`${key}`);
  });
});

describe("a bad file names every problem with its line", () => {
  test("several problems at once, unknown keys with a suggestion", () => {
    const message = refusal(`node_id: "../etc"
country: Ghana
region: Accra
intervall: 10s
uplinks: [{ url: ftp://x, token_env: FIBER_PROBE_TOKEN }]
targets:
  - { host: 192.0.2.10, check: ping }
  - { host: 192.0.2.10, check: icmp, timout: 1s }
  - host: example.net
    check: tcp
`);
    expect(message).toMatch(/line 1: node_id/);
    expect(message).toMatch(/line 2: country/);
    expect(message).toMatch(/line 4: intervall: unknown key; did you mean "interval"\?/);
    expect(message).toMatch(/line 5: uplinks\[0\].url: must be an http/);
    expect(message).toMatch(/line 7: targets\[0\].check: must be one of icmp, tcp/);
    expect(message).toMatch(/line 8: targets\[1\].timout: unknown key; did you mean "timeout"\?/);
    expect(message).toMatch(/line 9: targets\[2\].host: must be host:port/);
  });

  test("duplicate targets", () => {
    const targets =
      "targets:\n  - { host: a.net, check: icmp }\n  - { host: a.net, check: icmp }\n";
    expect(refusal(HEAD + targets)).toMatch(
      /line 8: targets\[1\]: the same icmp target as number 1/,
    );
  });

  test("the same host under another label is another target", () => {
    const targets =
      "targets:\n  - { host: a.net, check: icmp }\n  - { host: a.net, check: icmp, label: b }\n";
    expect(load(HEAD + targets).targets).toHaveLength(2);
  });

  test("a time-out longer than the interval allows", () => {
    const targets =
      "interval: 5s\ntargets:\n  - { host: http://a.net/, check: http, timeout: 4s }\n";
    expect(refusal(HEAD + targets)).toMatch(/timeout 4s does not fit in an interval of 5s/);
  });

  test("pings that do not fit", () => {
    const targets = "interval: 1s\ntargets:\n  - { host: a.net, check: icmp, count: 100 }\n";
    expect(refusal(HEAD + targets)).toMatch(/100 pings .* do not fit in an interval of 1s/);
  });

  test("a missing token names the variable", () => {
    expect(refusal(HEAD, {})).toMatch(/line 5: .*the variable FIBER_PROBE_TOKEN is not set/);
  });

  test("a token is never part of a message", () => {
    const message = refusal(`${HEAD}bad: 1\n`, { FIBER_PROBE_TOKEN: "do-not-print" });
    expect(message).not.toContain("do-not-print");
  });

  test.each([
    ["a duration without a unit", "interval: 10\n", /interval: must be a duration/],
    ["a duration out of range", "interval: 10ms\n", /interval: must be between 1s and 24h/],
    ["credentials in a URL", "targets: [{host: 'http://u:p@a.net/', check: http}]\n", /user name/],
    ["two values of a key", "region: Lagos\n", /line 6.*unique/],
    ["a tab", "targets:\n\t- x\n", /line 7.*[Tt]ab/],
    ["a list instead of a map", "targets: { a: 1 }\n", /targets/],
  ])("%s", (_what, tail, expected) => {
    expect(refusal(HEAD + tail)).toMatch(expected);
  });
});

describe("hostile files", () => {
  test("a bomb of aliases", () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(",")}]`,
    );
    expect(refusal(`l0: &l0 [x,x,x]\n${levels.join("\n")}\n`)).toMatch(/alias/i);
  });

  test.each([
    ["UTF-16", Buffer.from(`\ufeff${HEAD}`, "utf16le"), /UTF-16/],
    ["Latin-1", Buffer.from("region: Abidjan\xe9\n", "latin1"), /not UTF-8/],
    ["NUL bytes", Buffer.from(`${HEAD}\0`), /NUL/],
    ["emptiness", "", /node_id|expected object/i],
    ["a scalar", "42\n", /expected object/i],
    ["five megabytes", Buffer.alloc(5 * 1024 * 1024, "# x\n"), /at most/],
    ["prototype keys", `${HEAD}__proto__: { demo: true }\n`, /__proto__.*unknown key/],
    ["deep nesting", "[".repeat(20_000), /line/],
  ])("%s", (_what, content, expected) => {
    expect(refusal(content)).toMatch(expected);
  });

  test("a missing file says how to name one", () => {
    expect(() => loadProbeConfig(join(folder, "none.yaml"), env)).toThrow(/FIBER_PROBE_CONFIG/);
  });

  test("arbitrary text is accepted or refused with CONFIG_INVALID, nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => refusal(text)).not.toThrow();
      }),
      { numRuns: 200 },
    );
  });
});

test("targets alone are read from a file without the rest", () => {
  writeFileSync(file, "targets:\n  - { host: 192.0.2.1, check: icmp }\n");
  expect(readTargets(file)).toEqual([{ host: "192.0.2.1", check: "icmp" }]);
});
