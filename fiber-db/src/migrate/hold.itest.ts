import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { migrationRecordFile, unrecordedDowns } from "./down-records.js";
import { readHold } from "./hold.js";
import { MIGRATIONS_FOLDER } from "./load-migrations.js";
import { downgrade, upgrade } from "./migrate.js";
import { schemaFit } from "./schema-fit.js";

let database: TestDatabase;
let folder: string;
beforeEach(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "fiber-hold-"));
});
afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a manual downgrade", () => {
  it("is held: a start leaves it alone, an upgrade that is asked for ends it", async () => {
    const connectionString = database.url;
    const { to } = await downgrade({ connectionString, target: "-1" });
    expect(await readHold(database.pool)).toMatchObject({ revision: to });
    const started = await upgrade({ connectionString, unlessHeld: true });
    expect(started).toMatchObject({ steps: [], held: { revision: to } });
    expect(await schemaFit(database.pool)).toMatchObject({ kind: "behind", current: to });
    await upgrade({ connectionString });
    expect(await readHold(database.pool)).toBeNull();
    expect((await schemaFit(database.pool)).kind).toBe("fits");
  });
});

describe("the stored way back", () => {
  const target = "-1";

  it("is vouched for by this release's files", async () => {
    const recordFile = migrationRecordFile(folder);
    expect(await unrecordedDowns({ connectionString: database.url, target, recordFile })).toEqual(
      [],
    );
  });

  it("of a newer release is vouched for by the record that its upgrade left", async () => {
    const recordFile = migrationRecordFile(folder);
    const connectionString = database.url;
    const older = { connectionString, target, recordFile, folder: join(folder, "older") };
    cpSync(MIGRATIONS_FOLDER, older.folder, { recursive: true });
    const newest = readdirSync(older.folder).sort().at(-1) ?? "";
    rmSync(join(older.folder, newest));
    expect(await unrecordedDowns(older)).toEqual([newest.slice(0, 4)]);
    await upgrade({ connectionString, recordFile });
    expect(await unrecordedDowns(older)).toEqual([]);
  });

  it("is refused when somebody changed it in the database", async () => {
    const recordFile = migrationRecordFile(folder);
    const sql = "DROP TABLE samples";
    await database.pool.query(
      `UPDATE fiber_migrations SET down_sql = $1::text, down_checksum = encode(sha256(convert_to($1, 'UTF8')), 'hex')`,
      [sql],
    );
    await expect(
      unrecordedDowns({ connectionString: database.url, target, recordFile }),
    ).rejects.toMatchObject({ code: "MIGRATION_TAMPERED" });
  });
});
