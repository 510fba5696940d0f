import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FiberError } from "#contracts";
import { createSampleApp, type SampleApp } from "#testkit";
import type { Artefact, BuildUpdate, DeployDriver } from "./deploy-driver.js";

/** One installation on which a driver is tried: the sample app's, with what runs its roles. */
export interface DriverWorld {
  readonly driver: DeployDriver;
  /** A second driver of the same installation, as a resumed command makes one. */
  another(): DeployDriver;
  /** Starts what runs the roles, when it does not run. */
  startHost(): Promise<void>;
  /** Ends it as a machine that loses its power does, or as near as can be. */
  stopHost(): Promise<void>;
  /** Changes one byte of what was built. */
  tamper(artefact: Artefact): Promise<void>;
  remove(): Promise<void>;
}

/** What GET /health of the sample app says, or null while nothing answers. */
export async function health(app: SampleApp): Promise<{ version: string; pid: number } | null> {
  try {
    const answer = await fetch(`${app.url}/health`, { signal: AbortSignal.timeout(5_000) });
    return answer.status === 200
      ? ((await answer.json()) as { version: string; pid: number })
      : null;
  } catch {
    return null;
  }
}

/** What differs from driver to driver. */
export interface DriverTraits {
  /** Whatever runs the roles also builds: without it nothing can be done. */
  readonly hostBuilds: boolean;
  /** Whether a new role is warm before the old one stops. */
  readonly deferred: boolean;
}

const silent = () => undefined;

/** What every deploy driver must do; `open` makes an installation for a sample app. */
export function describeDeployDriver(
  name: string,
  open: (app: SampleApp) => Promise<DriverWorld>,
  { hostBuilds, deferred }: DriverTraits = { hostBuilds: false, deferred: true },
): void {
  describe(`the ${name} driver`, { timeout: 180_000 }, () => {
    let app: SampleApp;
    let world: DriverWorld;
    let driver: DeployDriver;
    const commits = new Map<string, string>();
    const release = (tag: string, version?: Parameters<SampleApp["release"]>[1]) => {
      commits.set(tag, app.release(tag, version));
    };
    const prepare = (tag: string) => driver.prepare(tag, commits.get(tag) ?? "", silent);
    const live = async (tag: string, overlap = true) =>
      driver.switchTo(await prepare(tag), { overlap });

    beforeEach(async () => {
      app = await createSampleApp({ startS: 20 });
      release("v1.0.0");
      world = await open(app);
      driver = world.driver;
      if (hostBuilds) await world.startHost();
    });
    afterEach(async () => {
      await world.remove();
      app.remove();
    });

    describe("building", () => {
      it("builds a tag once, shows how far it is, and finds it again by its digest", async () => {
        const updates: BuildUpdate[] = [];
        const commit = commits.get("v1.0.0") ?? "";
        const first = await driver.prepare("v1.0.0", commit, (update) => updates.push(update));
        expect(updates.map((update) => update.line)).toContain("building v1.0.0");
        expect(first.sizeBytes).toBeGreaterThan(0);
        const again: BuildUpdate[] = [];
        const second = await driver.prepare("v1.0.0", commit, (update) => again.push(update));
        expect(second).toEqual(first);
        expect(again.map((update) => update.line)).not.toContain("building v1.0.0");
        expect(await world.another().find("v1.0.0")).toEqual(first);
      });

      it("builds again when the tag means another commit now", async () => {
        const first = await prepare("v1.0.0");
        app.repository.git("tag", "--delete", "v1.0.0");
        app.repository.git("push", "--quiet", "origin", ":refs/tags/v1.0.0");
        commits.set("v1.0.0", app.release("v1.0.0", { files: { "more.txt": "more" } }));
        const second = await prepare("v1.0.0");
        expect(second.commit).not.toBe(first.commit);
        expect(second.digest).not.toBe(first.digest);
      });

      it("does not find what was changed, and builds it anew", async () => {
        const first = await prepare("v1.0.0");
        await world.tamper(first);
        expect(await driver.find("v1.0.0")).toBeNull();
        expect((await prepare("v1.0.0")).digest).toBe(first.digest);
      });

      it("finds nothing of a tag that was never built, or whose build failed", async () => {
        expect(await driver.find("v1.0.0")).toBeNull();
        release("v1.1.0", { breakage: "build-fails" });
        await expect(prepare("v1.1.0")).rejects.toMatchObject({
          code: "BUILD_FAILED",
          message: expect.stringMatching(/ended with \d+.*does not build/s),
        });
        expect(await driver.find("v1.1.0")).toBeNull();
      });
    });

    describe("switching", () => {
      it("starts the first release, then replaces it, without a gap that is felt where it can", async () => {
        if (!hostBuilds) expect((await driver.running()).reachable).toBe(false);
        await world.startHost();
        await live("v1.0.0");
        expect(await health(app)).toMatchObject({ version: "v1.0.0" });
        release("v1.1.0");
        const reads = readAllAlong(app);
        const { gapMs, notes } = await live("v1.1.0");
        const seen = await reads.stop();
        expect(notes).toEqual([]);
        expect(gapMs).not.toBeNull();
        expect(seen.versions).toEqual(["v1.0.0", "v1.1.0"]);
        // A stop and a start cost a new process several times this.
        expect(seen.longestGapMs).toBeLessThan(deferred ? 1_000 : (gapMs ?? 0) + 1_000);
        expect(await driver.running()).toMatchObject({ release: "v1.1.0", reachable: true });
      });

      it("does nothing when it is asked again", async () => {
        await world.startHost();
        await live("v1.0.0");
        const before = await health(app);
        expect(await live("v1.0.0")).toEqual({ gapMs: null, notes: [] });
        expect(await health(app)).toEqual(before);
      });

      it.each(["crash", "hangs"] as const)(
        "leaves the old release serving when the new one %s",
        async (breakage) => {
          await world.startHost();
          await live("v1.0.0");
          const before = await health(app);
          release("v1.1.0", { breakage, files: impatient(app) });
          await expect(live("v1.1.0")).rejects.toMatchObject({ code: "SWITCH_FAILED" });
          expect(await health(app)).toEqual(before);
          expect(await driver.running()).toMatchObject({ release: "v1.0.0" });
          await world.stopHost();
          await world.startHost();
          expect(await health(app)).toMatchObject({ version: "v1.0.0" });
        },
      );

      it("brings the old release back when the new one fails after the old one stopped", async () => {
        await world.startHost();
        await live("v1.0.0");
        release("v1.1.0", { breakage: "crash" });
        await expect(live("v1.1.0", false)).rejects.toMatchObject({
          code: "SWITCH_FAILED",
          message: expect.stringMatching(/v1\.0\.0 runs again/),
        });
        expect(await health(app)).toMatchObject({ version: "v1.0.0" });
      });

      if (deferred)
        it("stops first, and says so, for a release that does not know deferred listen", async () => {
          release("v0.9.0", { breakage: "old" });
          await world.startHost();
          await live("v1.0.0");
          const { notes } = await live("v0.9.0");
          expect(notes.join()).toMatch(/web of v0\.9\.0 does not know deferred listen/);
          expect(await health(app)).toMatchObject({ version: "v0.9.0" });
          expect((await live("v1.0.0")).notes).toEqual([]);
          expect(await health(app)).toMatchObject({ version: "v1.0.0" });
        });

      it("refuses what was changed after it was built", async () => {
        await world.startHost();
        await live("v1.0.0");
        release("v1.1.0");
        const built = await prepare("v1.1.0");
        await world.tamper(built);
        await expect(driver.switchTo(built, { overlap: true })).rejects.toMatchObject({
          code: "ARTEFACT_GONE",
        });
        expect(await health(app)).toMatchObject({ version: "v1.0.0" });
      });

      it("ends right when what runs the roles ends in the middle, and the switch is asked again", async () => {
        await world.startHost();
        await live("v1.0.0");
        release("v1.1.0");
        const built = await prepare("v1.1.0");
        const torn = driver.switchTo(built, { overlap: true }).catch((err: unknown) => err);
        await world.stopHost();
        const outcome = await torn;
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(FiberError);
        await world.startHost();
        await world.another().switchTo(built, { overlap: true });
        expect(await health(app)).toMatchObject({ version: "v1.1.0" });
        expect(await driver.running()).toMatchObject({ release: "v1.1.0", digest: built.digest });
      });

      it("starts the same release after a restart of what runs the roles", async () => {
        await world.startHost();
        await live("v1.0.0");
        await world.stopHost();
        expect(await driver.running()).toMatchObject({ release: "v1.0.0", reachable: false });
        expect(await health(app)).toBeNull();
        await world.startHost();
        expect(await health(app)).toMatchObject({ version: "v1.0.0" });
      });

      if (hostBuilds)
        it("changes nothing when nothing could run the roles, and says so", async () => {
          await live("v1.0.0");
          release("v1.1.0");
          const built = await prepare("v1.1.0");
          await world.stopHost();
          await expect(driver.switchTo(built, { overlap: true })).rejects.toMatchObject({
            code: "ENGINE_UNREACHABLE",
          });
          await world.startHost();
          expect(await health(app)).toMatchObject({ version: "v1.0.0" });
        });

      if (!hostBuilds)
        it("makes it what is started next when nothing runs the roles, and says so", async () => {
          const { gapMs, notes } = await live("v1.0.0");
          expect(gapMs).toBeNull();
          expect(notes.join()).toMatch(/No stack runs here/);
          await world.startHost();
          expect(await health(app)).toMatchObject({ version: "v1.0.0" });
        });
    });

    describe("stopping what writes", () => {
      it("keeps it stopped until a switch or until it is started again", async () => {
        await world.startHost();
        await live("v1.0.0");
        await driver.stopWriter();
        await driver.stopWriter();
        expect(await health(app)).toBeNull();
        expect((await driver.running()).roles).toMatchObject([{ name: "web", state: "stopped" }]);
        await driver.startWriter();
        await driver.startWriter();
        expect(await health(app)).toMatchObject({ version: "v1.0.0" });
        release("v1.1.0");
        await driver.stopWriter();
        await live("v1.1.0", false);
        expect(await health(app)).toMatchObject({ version: "v1.1.0" });
      });

      it("stays stopped over a restart of what runs the roles, and after a failed switch", async () => {
        await world.startHost();
        await live("v1.0.0");
        await driver.stopWriter();
        await world.stopHost();
        await world.startHost();
        expect(await health(app)).toBeNull();
        release("v1.1.0", { breakage: "crash" });
        await expect(live("v1.1.0", false)).rejects.toMatchObject({ code: "SWITCH_FAILED" });
        expect(await health(app)).toBeNull();
        await live("v1.0.0", false);
        expect(await health(app)).toMatchObject({ version: "v1.0.0" });
      });
    });

    describe("removing", () => {
      it("removes what does not run, again is harmless, and refuses what runs", async () => {
        await world.startHost();
        const old = await prepare("v1.0.0");
        release("v1.1.0");
        await live("v1.1.0");
        expect(await driver.remove("v1.0.0")).toBe(true);
        expect(await driver.remove("v1.0.0")).toBe(false);
        expect(await driver.find("v1.0.0")).toBeNull();
        if (old.kind === "folder") expect(existsSync(old.ref)).toBe(false);
        await expect(driver.remove("v1.1.0")).rejects.toMatchObject({ code: "RELEASE_IN_USE" });
        expect(await health(app)).toMatchObject({ version: "v1.1.0" });
      });
    });
  });
}

/** The project file with the shortest time to start: a version that hangs is given up at once. */
function impatient(app: SampleApp): Record<string, string> {
  const text = app.repository.git("show", "HEAD:fiber.yaml");
  return { "fiber.yaml": `${text.replace(/start_s: \d+/, "start_s: 3")}\n` };
}

/** Reads in a closed loop until stopped; the versions that answered, and the longest gap between two answers. */
function readAllAlong(app: SampleApp) {
  const versions: string[] = [];
  let longestGapMs = 0;
  let going = true;
  const loop = async () => {
    let lastAt = performance.now();
    while (going) {
      const said = await health(app);
      if (said === null) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      if (versions.at(-1) !== said.version) versions.push(said.version);
      longestGapMs = Math.max(longestGapMs, performance.now() - lastAt);
      lastAt = performance.now();
    }
  };
  const done = loop();
  return {
    async stop() {
      going = false;
      await done;
      return { versions, longestGapMs };
    },
  };
}
