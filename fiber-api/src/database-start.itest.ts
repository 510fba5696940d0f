import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { downgrade, findToken, makeTokenText, schemaFit, upgrade } from "#db";
import { type Running, systemClock } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { startDatabaseCare } from "./database-start.js";

const log = pino({ level: "silent" });
const token = makeTokenText();
const probeTokens = [{ nodeId: "probe-gh-accra", token }];

let db: TestDatabase;
let stateDir: string;
let care: Running | null = null;
const start = async (options: { migrateAtStart: boolean; databaseUrl?: string }) => {
  const config = { databaseUrl: db.url, release: "test", probeTokens, ...options };
  care = await startDatabaseCare({ config, db: db.pool, stateDir, log, clock: systemClock });
};

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "fiber-care-"));
});
afterEach(async () => {
  await care?.stop();
  care = null;
  await db.drop();
  rmSync(stateDir, { recursive: true, force: true });
});

describe("an API without a supervisor", () => {
  it("brings an empty database up before it returns, and makes the tokens known", async () => {
    db = await createTestDatabase({ template: null });
    await start({ migrateAtStart: true });
    expect((await schemaFit(db.pool)).kind).toBe("fits");
    expect(await findToken(db.pool, token)).toMatchObject({ role: "probe" });
  });

  it("leaves the schema alone unless it is told to", async () => {
    db = await createTestDatabase({ template: null });
    await start({ migrateAtStart: false });
    expect((await schemaFit(db.pool)).current).toBeNull();
  });

  it("leaves a schema alone that was taken back, and goes on", async () => {
    db = await createTestDatabase();
    await downgrade({ connectionString: db.url, target: "-1" });
    await start({ migrateAtStart: true });
    expect((await schemaFit(db.pool)).kind).toBe("behind");
  });

  it("makes the tokens known again when the database forgot them", async () => {
    db = await createTestDatabase();
    await start({ migrateAtStart: true });
    await downgrade({ connectionString: db.url, target: "base" });
    await upgrade({ connectionString: db.url });
    await expect.poll(() => findToken(db.pool, token), { timeout: 20_000 }).not.toBeNull();
  });
});
