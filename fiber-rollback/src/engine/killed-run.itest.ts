import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  bundleScript,
  type KillableRun,
  killEverywhere,
  killInTurn,
  makeFastFolder,
  runKilled,
} from "./kill-everywhere.itest-kit.js";
import { listRuns } from "./read-run.js";
import { listRunIds, readJournalLines } from "./run-store.js";
import { readWorld, type SyntheticRun } from "./synthetic-run.itest-kit.js";

let script: Awaited<ReturnType<typeof bundleScript>>;
beforeAll(async () => {
  const kit = new URL("./killable-run.itest-kit.ts", import.meta.url);
  script = await bundleScript(fileURLToPath(kit));
});
afterAll(() => script.remove());

let folder: string;
let made = 0;
beforeEach(() => {
  folder = makeFastFolder("fiber-killed-");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function freshRun(change: Partial<SyntheticRun> = {}): SyntheticRun {
  const own = join(folder, String(++made));
  return { stateDir: join(own, "state"), world: join(own, "world"), ...change };
}

const command = (what: string, run: SyntheticRun, killAfterLine: number | null = null) =>
  runKilled(script.path, [what, JSON.stringify(run)], killAfterLine);

async function killable(change: Partial<SyntheticRun>): Promise<KillableRun> {
  const run = freshRun(change);
  return {
    begin: (line: number | null) => command("run", run, line),
    resume: (line: number | null) => command("resume", run, line),
    async state() {
      const [record] = await listRuns(run.stateDir);
      const { effects } = readWorld(run.world);
      const steps = (record?.takenBackBy?.steps ?? record?.steps)?.map(({ id, state }) => [
        id,
        state,
      ]);
      return { state: record?.state, resumable: record?.resumable, effects, steps };
    },
    async lines() {
      const [id = ""] = await listRunIds(run.stateDir);
      return (await readJournalLines(run.stateDir, id)).length;
    },
    remove: async () => rmSync(run.stateDir, { recursive: true, force: true }),
  };
}

describe("a run whose process group is killed after every journal line, then resumed", () => {
  it.each([
    ["a deploy", {}, 16],
    // begin, 6 × 2, intent and failed of verify, taking-back, 5 × 2, end
    ["a deploy that is taken back", { failAt: "verify", takesBack: true }, 27],
    // begin, preflight, backup, fence, intent, failed, undone × 2, end
    ["a deploy that is undone", { failAt: "migrate", takesBack: true }, 12],
  ])(
    "%s ends as an undisturbed one",
    async (_, change, wantedLines) => {
      const lines = await killEverywhere(() => killable(change));
      expect(lines).toBe(wantedLines);
    },
    600_000,
  );

  it("also when every command that goes on with it is killed too", async () => {
    await killInTurn(() => killable({ failAt: "verify", takesBack: true }));
  }, 600_000);
});

describe("a run whose process group is killed in the middle of a step", () => {
  it.each(["backup", "fence", "migrate", "switch", "verify"])(
    "does not do %s a second time: the effect is found done",
    async (step) => {
      const run = freshRun({ dieIn: step });
      expect((await command("run", run)).signal).toBe("SIGKILL");
      expect((await listRuns(run.stateDir))[0]).toMatchObject({
        state: "interrupted",
        resumable: true,
      });
      const resumed = await command("resume", { ...run, dieIn: "" });
      expect(resumed.said.at(-1)).toBe("state:done");
      expect(resumed.said).toContain(`found-done:${step}`);
      const times = readWorld(run.world).made.filter((id) => id === step);
      expect(times).toHaveLength(1);
    },
    60_000,
  );

  it("is not aborted when the pivot's effect is there without its outcome", async () => {
    const run = freshRun({ dieIn: "switch" });
    await command("run", run);
    const aborted = await command("abort", run);
    expect(aborted.said.at(-1)).toMatch(/^error:RUN_PAST_PIVOT/);
    expect((await command("resume", { ...run, dieIn: "" })).said.at(-1)).toBe("state:done");
  }, 60_000);

  it("is undone by an abort before the pivot, also when that is killed", async () => {
    const run = freshRun({ dieIn: "migrate" });
    await command("run", run);
    // begin, 2 × 3, intent, then: abort, undone
    expect((await command("abort", run, 10)).signal).toBe("SIGKILL");
    expect((await command("abort", run)).said.at(-1)).toBe("state:aborted");
    expect(readWorld(run.world).effects).toEqual(["backup", "preflight"]);
  }, 60_000);
});
