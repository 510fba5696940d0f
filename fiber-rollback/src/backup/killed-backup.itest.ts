import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBackupRunning } from "#db";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { findPgTools } from "../pg-tools.js";
import { noProgress } from "../progress.js";
import { createBackup } from "./create-backup.js";
import { listBackups } from "./list-backups.js";
import { verifyBackup } from "./verify-backup.js";

const child = fileURLToPath(new URL("./killable-backup.itest-kit.ts", import.meta.url));

let data: TestData;
beforeAll(async () => {
  data = await createTestData(60_000);
});
afterAll(() => data.remove());

/** Runs a backup in a process group of its own and kills the group when a file of that kind shows. */
async function killAt(moment: RegExp): Promise<{ readonly killed: boolean }> {
  const folder = join(data.stateDir, "backups/killed");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = new Set(readdirSync(folder));
  const running = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=source", child, data.database.url, data.stateDir],
    { detached: true, stdio: "ignore" },
  );
  let killed = false;
  const watching = watch(folder, (_event, name) => {
    if (name === null || killed || known.has(name) || !moment.test(name)) return;
    killed = true;
    process.kill(-(running.pid ?? 0), "SIGKILL");
  });
  await once(running, "exit");
  watching.close();
  return { killed };
}

describe("a backup killed with its whole process group", () => {
  it.each([
    ["when the dump begins", /\.dump\.\d+-.*partial$/],
    ["when the roles are written", /globals\.sql\.\d+-.*partial$/],
    ["when the roles have their name", /^[^.].*\.globals\.sql$/],
    ["when the manifest is written", /manifest\.json\.\d+-.*partial$/],
    ["when the manifest has its name", /^[^.].*\.manifest\.json$/],
    ["when the dump has its name", /^[^.].*\.dump$/],
  ])("%s leaves no backup that only looks complete", async (_, moment) => {
    const { killed } = await killAt(moment);
    expect(killed).toBe(true);
    // The server ends the dead session by itself.
    await expect.poll(() => isBackupRunning(data.database.pool), { timeout: 20_000 }).toBe(false);

    const tools = await findPgTools(15);
    for (const backup of await listBackups(data.stateDir)) {
      const report = await verifyBackup({ path: backup.path, tools }, noProgress);
      expect(report.problems).toEqual([]);
    }
    const after = await createBackup(data.ports, { tag: "killed" });
    const folder = join(data.stateDir, "backups/killed");
    const names = readdirSync(folder);
    expect(names.filter((name) => name.endsWith(".partial"))).toEqual([]);
    // Each backup is whole: three files of one name.
    const stems = names.map((name) => name.slice(0, 16));
    for (const stem of new Set(stems)) {
      expect(stems.filter((one) => one === stem)).toHaveLength(3);
    }
    expect(existsSync(after.link)).toBe(true);
  });
});
