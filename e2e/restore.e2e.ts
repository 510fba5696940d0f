import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPool, liftFence, raiseFence, upgrade } from "#db";
import { createBackup, noProgress } from "#rollback";
import { createLogger, packageRoot, systemClock } from "#runtime";
import { keyOf, type Sample, stackDatabaseUrl, startLoad, storedByKey } from "./load-list.js";
import { createTestStack, type TestStack } from "./test-stack.js";

/** Times every value by ten, loses a series, and spoils what one series will store from now on. */
const CORRUPTING = `-- kind: reversible: a test's lie
-- up
UPDATE samples SET latency_ms = latency_ms * 10;
DELETE FROM samples USING series s WHERE s.series_id = samples.series_id AND s.target = 'first-1';
ALTER TABLE nodes ADD COLUMN spoiled text DEFAULT 'yes';
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT target FROM series WHERE series_id = NEW.series_id) = 'second-3' THEN
    NEW.latency_ms := 99999;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER spoil BEFORE INSERT ON samples FOR EACH ROW EXECUTE FUNCTION spoil();
-- down
DROP TRIGGER spoil ON samples;
DROP FUNCTION spoil;
ALTER TABLE nodes DROP COLUMN spoiled;
`;
const SPOILED = 99_999;

let stack: TestStack;
let migrations: string;
beforeAll(async () => {
  stack = await createTestStack({ FIBER_PUSH_PER_MIN: "0", FIBER_READS_PER_MIN: "0" });
  migrations = mkdtempSync(join(tmpdir(), "fiber-migrations-"));
  const own = join(packageRoot, "fiber-db", "migrations");
  cpSync(own, migrations, { recursive: true });
  const next = readdirSync(own).filter((name) => name.endsWith(".sql")).length + 1;
  writeFileSync(join(migrations, `${String(next).padStart(4, "0")}_lie.sql`), CORRUPTING);
  await stack.up();
});
afterAll(async () => {
  await stack.cleanUp();
  rmSync(migrations, { recursive: true, force: true });
});

test("a migration that corrupts data is taken back under load, and the restore is undone", async () => {
  const first = await startLoad(stack, "first");
  await first.more(4_000);
  const { dump, before } = await migrateUnderFence(first);
  const second = await startLoad(stack, "second");
  await second.more(2_000);

  const prober = await startProber();
  const report = await restore(dump);
  await second.more(2_000);
  const reads = await prober.stop();
  expect(reads.failures, JSON.stringify(reads)).toBeLessThan(reads.reads);
  expect(reads.longestOutageMs, JSON.stringify(reads)).toBeLessThan(1_000);

  const restored = await storedByKey(stack);
  expect(wrongValues(restored, before), "acknowledged before the migration").toEqual([]);
  expect(report.exported).toMatchObject({ "nodes.spoiled": expect.any(Number) });
  const samples = report.tables.find((one) => one.table === "samples");
  const spoiled = [...restored.values()].filter((row) => row[2] === SPOILED);
  expect(spoiled.length).toBeGreaterThan(0);
  expect(samples?.suspect, "spoiled rows are named").toBe(spoiled.length);
  const kept = JSON.parse((await stack.fiber("restore", "quarantine", "list", "--json")).stdout);
  expect(kept).toMatchObject([{ database: report.quarantine }]);

  await second.more(1_000);
  const undone = await stack.fiber("restore", "--undo", "--yes", "--json");
  expect(undone.code, undone.stderr).toBe(0);
  await second.more(1_000);
  const after = await second.stop();

  const live = await storedByKey(stack);
  const missing = after.filter((sample) => !live.has(keyOf(sample)));
  expect(missing, "acknowledged after the migration, before and after the undo").toEqual([]);
  const changed = wrongValues(live, after).filter((sample) => sample[0] !== "second-3");
  expect(changed).toEqual([]);
});

/** Values that are not what the client was told to be stored. */
function wrongValues(
  stored: ReadonlyMap<string, Sample>,
  acked: readonly Sample[],
): readonly Sample[] {
  return acked.filter((sent) => JSON.stringify(stored.get(keyOf(sent))) !== JSON.stringify(sent));
}

/** Fence, backup, migration, lift: no acknowledged sample lies between backup and migration. */
async function migrateUnderFence(load: { stop(): Promise<readonly Sample[]> }) {
  const connectionString = stackDatabaseUrl(stack, "fiberstack");
  const pool = createPool({ connectionString, applicationName: "e2e", onError: () => {} });
  try {
    await raiseFence(pool, { reason: "deploy", raisedBy: "e2e", forMs: 120_000, waitMs: 10_000 });
    const before = await load.stop();
    const { path } = await createBackup(
      {
        admin: stackDatabaseUrl(stack, "postgres"),
        database: "fiberstack",
        stateDir: stack.stateDir,
        log: createLogger({ role: "e2e", level: "silent" }),
        clock: systemClock,
        progress: noProgress,
      },
      { tag: "v1" },
    );
    await upgrade({ connectionString, folder: migrations, release: "v2" });
    await liftFence(pool);
    return { dump: path, before };
  } finally {
    await pool.end();
  }
}

async function restore(dump: string) {
  const shown = await stack.fiber("restore", dump, "--dry-run");
  expect(shown.code, shown.stderr).toBe(0);
  expect(shown.stdout).toMatch(/samples.*about/);
  const done = await stack.fiber("restore", dump, "--yes", "--json");
  expect(done.code, done.stderr).toBe(0);
  return JSON.parse(done.stdout) as {
    readonly quarantine: string;
    readonly exported: Readonly<Record<string, number>>;
    readonly tables: readonly { readonly table: string; readonly suspect: number }[];
  };
}

async function startProber() {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(import.meta.dirname, "read-prober.ts"), `${stack.apiUrl}/api/metrics`],
    { cwd: packageRoot, stdio: ["ignore", "pipe", "inherit"] },
  );
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child.stdout, "data");
  return {
    async stop() {
      child.kill("SIGTERM");
      await once(child, "close");
      return JSON.parse(said.trim().split("\n").at(-1) ?? "{}") as {
        readonly reads: number;
        readonly failures: number;
        readonly longestOutageMs: number;
        readonly kinds: readonly string[];
      };
    },
  };
}
