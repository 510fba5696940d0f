import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePgTools, connectionEnv, findPgTools, majorOf, urlOfDatabase } from "./pg-tools.js";

const at = (...majors: number[]) =>
  majors.map((major) => ({ folder: `/pg/${major}`, version: `${major}.3` }));

describe("choosePgTools", () => {
  it.each([
    [[14, 15, 16, 17], 15, 15],
    [[14, 16, 17], 15, 16],
    [[17, 18], 15, 17],
    [[14], 15, undefined],
    [[16, 17, 18], 17, 17],
  ])("of %j for a %i server takes %s", (majors, server, expected) => {
    const chosen = choosePgTools(at(...majors), server);
    expect(chosen === null ? undefined : majorOf(chosen.version)).toBe(expected);
  });

  it("never takes an older client than the server", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 9, max: 20 })),
        fc.integer({ min: 10, max: 18 }),
        (majors, server) => {
          const chosen = choosePgTools(at(...majors), server);
          const fits = majors.some((major) => major >= server);
          expect(chosen !== null).toBe(fits);
          if (chosen !== null) expect(majorOf(chosen.version)).toBeGreaterThanOrEqual(server);
        },
      ),
    );
  });
});

describe("findPgTools", () => {
  it("says that FIBER_PG_BIN holds no programs, and what to do", async () => {
    const empty = mkdtempSync(join(tmpdir(), "fiber-bin-"));
    await expect(findPgTools(15, { FIBER_PG_BIN: empty })).rejects.toMatchObject({
      code: "PG_TOOLS_MISSING",
      message: expect.stringContaining("postgresql-client-15"),
    });
    rmSync(empty, { recursive: true });
  });

  it("refuses clients older than the server", async () => {
    await expect(findPgTools(99)).rejects.toMatchObject({ code: "PG_TOOLS_TOO_OLD" });
  });
});

describe("connectionEnv", () => {
  it("takes a connection string apart", () => {
    expect(connectionEnv("postgres://me:p%40ss@127.0.0.1:5433/fiber%20x?sslmode=require")).toEqual({
      PGHOST: "127.0.0.1",
      PGPORT: "5433",
      PGUSER: "me",
      PGPASSWORD: "p@ss",
      PGDATABASE: "fiber x",
      PGSSLMODE: "require",
      PGAPPNAME: "fiber backup",
      PGTZ: "UTC",
    });
  });

  it("knows sockets", () => {
    const url = urlOfDatabase("postgresql:///postgres?host=/tmp/s&port=7&user=u", "fiberstack");
    expect(connectionEnv(url)).toMatchObject({
      PGHOST: "/tmp/s",
      PGPORT: "7",
      PGUSER: "u",
      PGDATABASE: "fiberstack",
    });
  });
});
