import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listDatabases, openSession } from "#db";
import { mustRun } from "#runtime";
import { createTestDatabase } from "#testkit";
import { createBackup } from "../backup/create-backup.js";
import { type Manifest, manifestPathOf, readManifest } from "../backup/manifest.js";
import { connectionEnv } from "../pg-tools.js";
import {
  createTestRestore,
  missingFrom,
  NAMED_SAMPLES,
  type TestRestore,
} from "./restore.itest-kit.js";
import { abortRestore, findUnfinished, prepareRestore, startRestore } from "./restore.js";
import { toolsFor } from "./restore-dump.js";

let data: TestRestore;
let before: readonly string[];
beforeEach(async () => {
  data = await createTestRestore(900);
  before = await data.rows(NAMED_SAMPLES);
});
afterEach(() => data.remove());

const prepare = (path: string, identity?: string) =>
  prepareRestore(data.ports, {
    from: { kind: "dump", path, ...(identity === undefined ? {} : { identity }) },
  });

/** Our databases on the server: the live one, and what restores made. */
async function databases(): Promise<readonly string[]> {
  const session = await openSession(data.ports.admin);
  try {
    return (await listDatabases(session, data.ports.database)).map((one) => one.name);
  } finally {
    await session.close();
  }
}

/** The good dump beside a manifest that is meant for it, in another folder, for spoiling. */
async function copyOfGood(): Promise<string> {
  const path = join(data.stateDir, "copy.dump");
  copyFileSync(data.dump, path);
  const manifest = await readManifest(data.dump);
  const file = { ...manifest.file, name: "copy.dump" };
  writeFileSync(manifestPathOf(path), JSON.stringify({ ...manifest, file } satisfies Manifest));
  return path;
}

function flipByte(path: string, share: number): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length * share);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

const spoilers: readonly [string, (path: string) => Promise<void> | void, RegExp][] = [
  ["truncated", (path) => truncateSync(path, readFileSync(path).length - 2_000), /DUMP_DAMAGED/],
  ["bit-flipped", (path) => flipByte(path, 0.7), /DUMP_DAMAGED|CHECKSUM_MISMATCH/],
  ["longer than it was", (path) => appendFileSync(path, "x"), /CHECKSUM_MISMATCH/],
  ["empty", (path) => truncateSync(path, 0), /DUMP_EMPTY/],
  ["an SQL script", (path) => writeFileSync(path, "-- dump\nSELECT 1;\n"), /DUMP_NOT_CUSTOM/],
  ["a newer client's", newerArchive, /DUMP_TOO_NEW/],
  ["another application's", foreignDump, /DUMP_FOREIGN/],
  ["gone", (path) => rmSync(path), /DUMP_MISSING/],
];

/** Raises the archive's version (bytes 5 to 7): 1.14 up to PostgreSQL 15, 1.16 from 17 on. */
function newerArchive(path: string): void {
  const bytes = readFileSync(path);
  expect([bytes[5], bytes[6]]).toEqual([1, 14]);
  bytes[6] = 16;
  writeFileSync(path, bytes);
}

async function foreignDump(path: string): Promise<void> {
  const other = await createTestDatabase({ template: null });
  await other.pool.query("CREATE TABLE invoices AS SELECT 1 AS id");
  const tools = await toolsFor(data.ports.admin);
  await mustRun([tools.path("pg_dump"), "-Fc", `--file=${path}`], {
    env: connectionEnv(other.url),
  });
  await other.drop();
}

describe("a dump that is", () => {
  it.each(spoilers)(
    "%s is refused before anything is made, with a manifest or without",
    async (_, spoil, code) => {
      const path = await copyOfGood();
      await spoil(path);
      await expect(prepare(path)).rejects.toMatchObject({ code: expect.stringMatching(code) });
      rmSync(manifestPathOf(path));
      // Nothing but the manifest knows of a byte that pg_restore does not look at.
      if (!/CHECKSUM/.test(String(code))) {
        await expect(prepare(path)).rejects.toMatchObject({
          code: expect.stringMatching(/DUMP_/),
        });
      }
      expect(await databases()).toEqual([data.ports.database]);
      expect(await findUnfinished(data.stateDir)).toBeNull();
      expect(await data.rows(NAMED_SAMPLES)).toEqual(before);
    },
  );
});

describe("a manifest", () => {
  it("of another dump is refused", async () => {
    await data.pool.query("DELETE FROM samples WHERE series_id = 1");
    const other = await createBackup(data.ports, { tag: "other" });
    const path = await copyOfGood();
    copyFileSync(manifestPathOf(other.path), manifestPathOf(path));
    await expect(prepare(path)).rejects.toMatchObject({
      code: expect.stringMatching(/MANIFEST_MISMATCH|CHECKSUM_MISMATCH/),
    });
  });

  it("that tells of other rows than the dump restores stops the run, which can be aborted", async () => {
    const path = await copyOfGood();
    const manifest = await readManifest(path);
    const tables = manifest.tables.map((t) => (t.name === "nodes" ? { ...t, hash: "1" } : t));
    writeFileSync(manifestPathOf(path), JSON.stringify({ ...manifest, tables }));
    const plan = await prepare(path);
    await expect(startRestore(data.ports, plan)).rejects.toMatchObject({
      code: "RESTORE_DIFFERS",
      message: expect.stringMatching(/nodes: 1 rows where the manifest says 1 rows, other values/),
    });
    expect(await databases()).toEqual([data.ports.database]);
    await abortRestore(data.ports);
    expect(await data.rows(NAMED_SAMPLES)).toEqual(before);
  });

  it("that is missing is no hindrance: all is restored, and the plan says what it cannot tell", async () => {
    const path = join(data.stateDir, "bare.dump");
    copyFileSync(data.dump, path);
    await data.pool.query("DELETE FROM samples WHERE series_id = 2");
    const plan = await prepare(path);
    expect(plan.tables.find((one) => one.table === "samples")).toMatchObject({ restored: null });
    await startRestore(data.ports, plan);
    expect(await data.rows(NAMED_SAMPLES)).toEqual(before);
  });
});

it("a dump that is damaged between plan and restore leaves the live database as it is", async () => {
  const path = await copyOfGood();
  const plan = await prepare(path);
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  writeFileSync(path, bytes.fill(0, middle, middle + 4_000));
  await expect(startRestore(data.ports, plan)).rejects.toMatchObject({ code: "RESTORE_FAILED" });
  expect(await databases()).toEqual([data.ports.database]);
  expect(await data.rows(NAMED_SAMPLES)).toEqual(before);
  await abortRestore(data.ports);
  await startRestore(data.ports, await prepare(data.dump));
  expect(missingFrom(await data.rows(NAMED_SAMPLES), before)).toEqual([]);
});

it("an encrypted dump is restored with its key only, and leaves no plain copy", async () => {
  const identity = await generateX25519Identity();
  const key = join(data.stateDir, "key.txt");
  writeFileSync(key, `${identity}\n`, { mode: 0o600 });
  const recipient = await identityToRecipient(identity);
  const { path } = await createBackup(data.ports, { tag: "sealed", recipient });
  await data.pool.query(
    "UPDATE samples SET latency_ms = 1; DELETE FROM samples WHERE series_id = 2",
  );

  await expect(prepare(path)).rejects.toMatchObject({ code: "DUMP_ENCRYPTED" });
  const stranger = join(data.stateDir, "stranger.txt");
  writeFileSync(stranger, await generateX25519Identity(), { mode: 0o600 });
  await expect(prepare(path, stranger)).rejects.toMatchObject({ code: "BACKUP_KEY_WRONG" });

  const plan = await prepare(path, key);
  let plain = join(data.stateDir, "restores", plan.id, "decrypted.dump");
  const seen: boolean[] = [];
  const leavePlain = ({ step, event }: { step: string; event: string }) => {
    seen.push(existsSync(plain));
    // As a kill right after the step would.
    if (step === "beside" && event === "done") writeFileSync(plain, "plain");
  };
  await startRestore(data.ports, plan, (event) => {
    leavePlain(event);
    if (event.step === "carry") throw new Error("stopped by the test");
  }).catch((err: Error) => expect(err.message).toBe("stopped by the test"));
  expect(seen.slice(0, 2)).toEqual([false, false]);
  await abortRestore(data.ports);
  expect(existsSync(plain)).toBe(false);

  const again = await prepare(path, key);
  plain = join(data.stateDir, "restores", again.id, "decrypted.dump");
  await startRestore(data.ports, again, leavePlain);
  expect(existsSync(plain)).toBe(false);
  expect(await data.rows(NAMED_SAMPLES)).toEqual(before);
});
