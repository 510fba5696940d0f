import { describe, expect, test } from "vitest";
import { anonymousRole } from "#contracts";
import { loadConfig } from "#runtime";
import { apiConfigSchema } from "./config.js";

const read = (env: Record<string, string> = {}) =>
  loadConfig(apiConfigSchema, { FIBER_DATABASE_URL: "postgres://localhost/fiberstack", ...env });

describe("defaults", () => {
  test("loopback, port 8000, the documented rates, loopback proxies trusted", () => {
    expect(read()).toMatchObject({
      host: "127.0.0.1",
      port: 8000,
      release: "dev",
      anonymous: "viewer-on-loopback",
      trustedProxies: ["127.0.0.1", "::1"],
      pushPerMin: 100,
      readsPerMin: 200,
    });
  });

  test.each([
    [{ FIBER_API_HOST: "0.0.0.0" }, "none"],
    [{ FIBER_DASHBOARD_HOST: "192.0.2.1" }, "none"],
    [{ FIBER_API_HOST: "::1" }, "viewer-on-loopback"],
    [{ FIBER_API_HOST: "0.0.0.0", FIBER_ANONYMOUS_ROLE: "viewer" }, "viewer"],
    [{ FIBER_ANONYMOUS_ROLE: "none" }, "none"],
  ])("with %j anonymous is %s", (env, anonymous) => {
    expect(read(env).anonymous).toBe(anonymous);
  });

  test("away from loopback no proxy is trusted unless it is named", () => {
    expect(read({ FIBER_API_HOST: "0.0.0.0" }).trustedProxies).toEqual([]);
    expect(read({ FIBER_TRUSTED_PROXIES: "10.0.0.0/8, 192.0.2.1," }).trustedProxies).toEqual([
      "10.0.0.0/8",
      "192.0.2.1",
    ]);
  });

  test.each([
    { FIBER_ANONYMOUS_ROLE: "admin" },
    { FIBER_API_PORT: "70000" },
    { FIBER_PUSH_PER_MIN: "-1" },
    { FIBER_TRUSTED_PROXIES: "not an address" },
  ])("%j is refused", (env) => {
    expect(() => read(env)).toThrow(Object.keys(env)[0]);
  });
});

describe("passwords in production", () => {
  const at = (password: string, env = "production") =>
    read({ FIBER_ENV: env, FIBER_DATABASE_URL: `postgres://fiber:${password}@db/fiberstack` });

  test.each([
    ["tiny", "shorter"],
    ["postgres", "shorter"],
    [`change-me-${"x".repeat(40)}`, "example"],
  ])("%s stops the start without being told", (password, why) => {
    expect(() => at(password)).toThrow(why);
    expect(() => at(password)).not.toThrow(new RegExp(password));
    expect(at(password, "development").port).toBe(8000);
  });

  test("a long random one is taken, and none at all (it comes from PGPASSFILE)", () => {
    expect(at("k3J9zQ7vLwX2mN5bR8tYpF4sD6hG1cVa").port).toBe(8000);
    expect(at("").port).toBe(8000);
  });
});

describe("anonymousRole", () => {
  const ask = (headers: Record<string, string | undefined>, ip = "127.0.0.1") =>
    anonymousRole("viewer-on-loopback", { headers, address: ip });

  test("needs a loopback name and a loopback client", () => {
    expect(ask({ host: "localhost:8000" })).toBe("viewer");
    expect(ask({ host: "[::1]:8000" }, "::1")).toBe("viewer");
    expect(ask({ host: "localhost" }, "::ffff:127.0.0.1")).toBe("viewer");
    expect(ask({})).toBeNull();
    expect(ask({ host: "" })).toBeNull();
    expect(ask({ host: "localhost:8000:1" })).toBeNull();
    expect(ask({ host: "evil.example" })).toBeNull();
    expect(ask({ host: "localhost" }, "192.0.2.1")).toBeNull();
  });

  test("every forwarded host counts", () => {
    expect(ask({ host: "localhost", "x-forwarded-host": "localhost:4000, 127.0.0.1" })).toBe(
      "viewer",
    );
    expect(ask({ host: "localhost", "x-forwarded-host": "localhost, evil.example" })).toBeNull();
    expect(ask({ host: "localhost", "x-forwarded-host": "" })).toBeNull();
  });
});

describe("probes' tokens from the environment", () => {
  const token = `fbr_${"a".repeat(43)}`;
  const load = (FIBER_PROBE_TOKENS: string, more: Record<string, string> = {}) =>
    loadConfig(apiConfigSchema, {
      FIBER_DATABASE_URL: "postgres://db@localhost/fiberstack",
      FIBER_PROBE_TOKENS,
      ...more,
    });

  test("are pairs of node and token", () => {
    expect(load(`probe-1=${token}, probe-2=${token}`).probeTokens).toEqual([
      { nodeId: "probe-1", token },
      { nodeId: "probe-2", token },
    ]);
    expect(() => load("probe-1")).toThrow(/FIBER_PROBE_TOKENS/);
    expect(() => load("probe-1=secret")).toThrow(/node=fbr_/);
  });

  test("are refused in production", () => {
    expect(() => load(`probe-1=${token}`, { FIBER_ENV: "production" })).toThrow(
      /fiber token issue/,
    );
  });
});
