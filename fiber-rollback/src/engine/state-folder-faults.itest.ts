import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundleScript } from "./kill-everywhere.itest-kit.js";
import { onSmallDisk } from "./small-disk.itest-kit.js";
import { readWorld, type SyntheticRun } from "./synthetic-run.itest-kit.js";

let script: Awaited<ReturnType<typeof bundleScript>>;
beforeAll(async () => {
  const kit = new URL("./killable-run.itest-kit.ts", import.meta.url);
  script = await bundleScript(fileURLToPath(kit));
});
afterAll(() => script.remove());

let folder: string;
let disk: string;
let run: SyntheticRun;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-disk-"));
  disk = join(folder, "disk");
  mkdirSync(disk);
  run = { stateDir: join(disk, "state"), world: join(folder, "world") };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A command that may fail: its exit code is a value here. */
const fiber = (what: string, change: Partial<SyntheticRun> = {}) =>
  `'${process.execPath}' '${script.path}' ${what} '${JSON.stringify({ ...run, ...change })}' || echo "exit:$?"`;

const RESERVE = 'test -e "$DISK/state/reserve.bin" && echo reserve:there || echo reserve:gone';
const FILL = 'cat /dev/zero > "$DISK/filler" 2>/dev/null || true';
const LAST_LINE = 'tail -n 1 "$DISK"/state/runs/*/journal.jsonl';

describe("a state folder whose disk is full", () => {
  it("in the middle of a run frees the reserve, which is made again when there is room", () => {
    const said = onSmallDisk({ folder: disk, sizeMb: 40 }, [
      fiber("run", { fillAt: ["migrate"] }),
      RESERVE,
      LAST_LINE,
      'rm "$DISK/filler"',
      `rm -r '${run.world}'`,
      fiber("run"),
      RESERVE,
    ]).split("\n");
    expect(said.filter((line) => line.startsWith("state:"))).toEqual(["state:done", "state:done"]);
    expect(said.filter((line) => line.startsWith("reserve:"))).toEqual([
      "reserve:gone",
      "reserve:there",
    ]);
    expect(said.find((line) => line.includes('"event":"end"'))).toContain('"outcome":"done"');
  });

  it("beyond the reserve stops the run with a whole journal, and resume goes on with room", () => {
    const said = onSmallDisk({ folder: disk, sizeMb: 40 }, [
      fiber("run", { fillAt: ["migrate", "switch"] }),
      LAST_LINE,
      'rm "$DISK/filler"',
      fiber("resume"),
    ]);
    expect(said).toMatch(/error:JOURNAL_UNWRITABLE:.*fiber rollback resume/);
    expect(said).toMatch(/"event":"intent","step":"switch"/);
    expect(said).toContain("found-done:switch");
    expect(said.trim().split("\n").at(-1)).toBe("state:done");
    expect(readWorld(run.world).made.filter((id) => id === "switch")).toHaveLength(1);
  });

  it("before a run: the reserve carries it", () => {
    const said = onSmallDisk({ folder: disk, sizeMb: 40 }, [
      fiber("run"),
      `rm -r '${run.world}'`,
      FILL,
      fiber("run"),
      RESERVE,
    ]);
    expect(said.match(/state:done/g)).toHaveLength(2);
    expect(said).toContain("reserve:gone");
  });

  it("before a run and without a reserve begins nothing and says why", () => {
    const said = onSmallDisk({ folder: disk, sizeMb: 8 }, [
      'mkdir "$DISK/state"',
      FILL,
      fiber("run"),
      'ls "$DISK/state"',
    ]);
    expect(said).toMatch(/error:STATE_FOLDER_UNUSABLE:.*no space left.*Nothing was begun/);
    expect(readWorld(run.world).effects).toEqual([]);
    expect(said.trim().split("\n").at(-1)).toBe("exit:1");
  });
});

describe("a state folder that cannot be written", () => {
  it("before a run begins nothing and says why", () => {
    const said = onSmallDisk({ folder: disk, sizeMb: 40 }, [
      'mkdir "$DISK/state"',
      'mount -o remount,bind,ro "$DISK"',
      fiber("run"),
    ]);
    expect(said).toMatch(/error:STATE_FOLDER_UNUSABLE:.*read-only.*Nothing was begun/);
    expect(readdirSync(run.world)).toEqual([]);
  });

  it("between a run and its resume begins nothing; resume goes on once it can be written", () => {
    const said = onSmallDisk({ folder: disk, sizeMb: 40 }, [
      fiber("run", { failAt: "migrate" }),
      'mount -o remount,bind,ro "$DISK"',
      fiber("resume"),
      fiber("abort"),
      'mount -o remount,bind,rw "$DISK"',
      fiber("resume"),
    ]);
    const told = said.split("\n").filter((line) => /^(error|state|exit)/.test(line));
    expect(told).toEqual([
      expect.stringMatching(/^error:STEP_FAILED/),
      "exit:1",
      expect.stringMatching(/^error:STATE_FOLDER_UNUSABLE/),
      "exit:1",
      expect.stringMatching(/^error:STATE_FOLDER_UNUSABLE/),
      "exit:1",
      "state:done",
    ]);
  });
});
