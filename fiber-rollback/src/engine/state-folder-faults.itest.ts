import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { canHaveSmallDisk, type SmallDisk, smallDisk } from "#testkit";
import { bundleScript } from "./kill-everywhere.itest-kit.js";
import { readWorld, type SyntheticRun } from "./synthetic-run.itest-kit.js";

const DISK_BYTES = 40 << 20;
const describeOnDisk = describe.runIf(await canHaveSmallDisk());

let script: Awaited<ReturnType<typeof bundleScript>>;
beforeAll(async () => {
  const kit = new URL("./killable-run.itest-kit.ts", import.meta.url);
  script = await bundleScript(fileURLToPath(kit));
});
afterAll(() => script.remove());

let disk: SmallDisk;
let run: SyntheticRun;
beforeEach(async () => {
  disk = await smallDisk(DISK_BYTES);
  const world = mkdtempSync(join(tmpdir(), "fiber-world-"));
  run = { stateDir: join(disk.folder, "state"), world };
});
afterEach(async () => {
  rmSync(run.world, { recursive: true, force: true });
  await disk.remove();
});

/** Runs a command; what it said, and its exit code when that is not 0. */
function fiber(what: string, change: Partial<SyntheticRun> = {}): string {
  const args = [script.path, what, JSON.stringify({ ...run, ...change })];
  const env = { ...process.env, FIBER_ENV: "test" };
  const { stdout, stderr, status, error } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env,
  });
  if (error) throw error;
  return status === 0 ? stdout : `${stdout}${stderr}exit:${status}\n`;
}

const anotherRun = () => {
  rmSync(run.world, { recursive: true });
  return fiber("run");
};
const hasReserve = () => existsSync(join(run.stateDir, "reserve.bin"));

/** The last line of the newest run's journal. */
function lastLine(): string | undefined {
  const runs = join(run.stateDir, "runs");
  const newest = readdirSync(runs).sort().at(-1) ?? "";
  return readFileSync(join(runs, newest, "journal.jsonl"), "utf8")
    .trim()
    .split("\n")
    .at(-1);
}

describeOnDisk("a state folder whose disk is full", () => {
  it("in the middle of a run frees the reserve, which is made again when there is room", () => {
    expect(fiber("run", { fillAt: ["migrate"] })).toContain("state:done");
    expect(hasReserve()).toBe(false);
    expect(lastLine()).toContain('"event":"end"');
    expect(lastLine()).toContain('"outcome":"done"');
    disk.free();
    expect(anotherRun()).toContain("state:done");
    expect(hasReserve()).toBe(true);
  });

  it("beyond the reserve stops the run with a whole journal, and resume goes on with room", () => {
    const said = fiber("run", { fillAt: ["migrate", "switch"] });
    expect(said).toMatch(/error:JOURNAL_UNWRITABLE:.*fiber rollback resume/);
    expect(lastLine()).toContain('"event":"intent","step":"switch"');
    disk.free();
    const resumed = fiber("resume");
    expect(resumed).toContain("found-done:switch");
    expect(resumed.trim().split("\n").at(-1)).toBe("state:done");
    expect(readWorld(run.world).made.filter((id) => id === "switch")).toHaveLength(1);
  });

  it("before a run: the reserve carries it", () => {
    expect(fiber("run")).toContain("state:done");
    disk.fill();
    expect(anotherRun()).toContain("state:done");
    expect(hasReserve()).toBe(false);
  });

  it("before a run and without a reserve begins nothing and says why", () => {
    mkdirSync(run.stateDir);
    disk.fill();
    const said = fiber("run");
    expect(said).toMatch(/error:STATE_FOLDER_UNUSABLE:.*no space left.*Nothing was begun/);
    expect(said.trim().split("\n").at(-1)).toBe("exit:1");
    expect(readWorld(run.world).effects).toEqual([]);
  });
});

describeOnDisk("a state folder that cannot be written", () => {
  it("before a run begins nothing and says why", async () => {
    mkdirSync(run.stateDir);
    await disk.setWritable(false);
    expect(fiber("run")).toMatch(/error:STATE_FOLDER_UNUSABLE:.*read-only.*Nothing was begun/);
    expect(readdirSync(run.world)).toEqual([]);
  });

  it("between a run and its resume begins nothing; resume goes on once it can be written", async () => {
    expect(fiber("run", { failAt: "migrate" })).toMatch(/error:STEP_FAILED.*\n(.*\n)*exit:1/);
    await disk.setWritable(false);
    for (const what of ["resume", "abort"]) {
      expect(fiber(what)).toMatch(/error:STATE_FOLDER_UNUSABLE.*\n(.*\n)*exit:1/);
    }
    await disk.setWritable(true);
    expect(fiber("resume")).toContain("state:done");
  });
});
