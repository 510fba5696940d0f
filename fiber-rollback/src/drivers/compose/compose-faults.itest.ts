import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSampleApp, type SampleApp } from "#testkit";
import type { BuildUpdate, DeployDriver } from "../deploy-driver.js";
import { health } from "../deploy-driver-conformance.itest-kit.js";
import { type ComposeWorld, describeOnContainers } from "./compose-world.itest-kit.js";

/** A registry at which nobody listens. */
const NOWHERE = "127.0.0.1:9/nobody/nothing:1";
const silent = () => undefined;

describeOnContainers("faults on containers", (open) => {
  let app: SampleApp;
  let world: ComposeWorld;
  let driver: DeployDriver;

  const build = (tag: string, commit: string, progress: (update: BuildUpdate) => void = silent) =>
    driver.prepare(tag, commit, progress);
  const goLive = async (tag: string, version?: Parameters<SampleApp["release"]>[1]) =>
    driver.switchTo(await build(tag, app.release(tag, version)), { overlap: true });
  /** A file of the sample app, as the last version left it, with one part replaced. */
  const changed = (file: string, part: RegExp, by: string): string => {
    const text = app.repository.git("show", `HEAD:${file}`);
    expect(text).toMatch(part);
    return `${text.replace(part, by)}\n`;
  };
  const good = () => ({
    files: Object.fromEntries(
      ["Dockerfile", "docker-compose.yml", "fiber.yaml"].map((file) => [
        file,
        `${app.repository.git("show", `v1.0.0:${file}`)}\n`,
      ]),
    ),
  });

  beforeEach(async () => {
    app = await createSampleApp({ startS: 20 });
    world = await open(app);
    driver = world.driver;
    await world.startHost();
    await goLive("v1.0.0");
  });
  afterEach(async () => {
    await world.remove();
    app.remove();
  });

  /** v1.0.0 serves, everybody knows it, and a good release can still follow. */
  async function expectUnharmed(): Promise<void> {
    expect(await health(app)).toMatchObject({ version: "v1.0.0" });
    const again = world.another();
    expect(await again.running()).toMatchObject({
      release: "v1.0.0",
      reachable: true,
      digest: (await again.find("v1.0.0"))?.digest,
      roles: [{ name: "web", state: "running", release: "v1.0.0" }],
    });
    await goLive("v1.2.0", good());
    expect(await health(app)).toMatchObject({ version: "v1.2.0" });
    expect(await driver.running()).toMatchObject({
      release: "v1.2.0",
      roles: [{ name: "web", state: "running", release: "v1.2.0" }],
    });
  }

  describe("an image that does not come up", { timeout: 180_000 }, () => {
    it("crashes at its start: the error has its last words", async () => {
      const tried = goLive("v1.1.0", { breakage: "crash" });
      await expect(tried).rejects.toMatchObject({
        code: "SWITCH_FAILED",
        message: expect.stringMatching(
          /^v1\.1\.0 does not start, and v1\.0\.0 runs again: web ended .*crashes at its start/s,
        ),
      });
      await expectUnharmed();
    });

    it("says that it is unhealthy: it is given up at once", async () => {
      const files = {
        "docker-compose.yml": changed(
          "docker-compose.yml",
          /test: .*\n(.*\n)(.*\n) +retries: 60/,
          "test: [CMD, sh, -c, 'echo out of order; exit 1']\n$1$2      retries: 2",
        ),
      };
      const begunMs = performance.now();
      await expect(goLive("v1.1.0", { files })).rejects.toMatchObject({
        code: "SWITCH_FAILED",
        message: expect.stringMatching(
          /^v1\.1\.0 does not start, and v1\.0\.0 runs again: web is unhealthy\. Its health check says: out of order/,
        ),
      });
      expect(performance.now() - begunMs).toBeLessThan(40_000);
      await expectUnharmed();
    });

    it("never becomes healthy: it is given up when its time is over", async () => {
      const files = {
        "docker-compose.yml": changed("docker-compose.yml", /test: .*/, "test: [CMD, 'false']"),
        "fiber.yaml": changed("fiber.yaml", /start_s: \d+/, "start_s: 3"),
      };
      await expect(goLive("v1.1.0", { files })).rejects.toMatchObject({
        code: "SWITCH_FAILED",
        message: expect.stringMatching(/v1\.0\.0 runs again: web is not ready after 3 s/),
      });
      await expectUnharmed();
    });
  });

  describe("without a registry", { timeout: 180_000 }, () => {
    it("cannot build on an image that is not here, names it and what to do", async () => {
      const files = { Dockerfile: changed("Dockerfile", /FROM .*/, `FROM ${NOWHERE}`) };
      const before = await health(app);
      await expect(goLive("v1.1.0", { files })).rejects.toMatchObject({
        code: "BUILD_FAILED",
        message: expect.stringMatching(/nobody\/nothing:1.*docker pull/s),
      });
      expect(await driver.find("v1.1.0")).toBeNull();
      expect(await health(app)).toEqual(before);
      await expectUnharmed();
    });

    it("cannot start a service beside it whose image is not here: nothing was touched", async () => {
      const queue = `  queue: { image: "${NOWHERE}", network_mode: host }\n`;
      const text = app.repository.git("show", "HEAD:docker-compose.yml");
      const before = await health(app);
      const files = { "docker-compose.yml": `${text}\n${queue}` };
      await expect(goLive("v1.1.0", { files })).rejects.toMatchObject({
        code: "SWITCH_FAILED",
        message: expect.stringMatching(
          /^v1\.1\.0 cannot start, and nothing that runs was touched: .*nobody\/nothing:1.*docker pull/s,
        ),
      });
      expect(await health(app)).toEqual(before);
      await expectUnharmed();
    });

    it("cannot create a service whose image is not here: the old release is put back", async () => {
      const image = changed("docker-compose.yml", /image: .*/, `image: "${NOWHERE}"`);
      const files = { "docker-compose.yml": image };
      await expect(goLive("v1.1.0", { files })).rejects.toMatchObject({
        code: "SWITCH_FAILED",
        message: expect.stringMatching(/v1\.0\.0 runs again.*docker pull/s),
      });
      await expectUnharmed();
    });
  });

  describe("an engine that is killed", { timeout: 180_000 }, () => {
    it("in the middle of a build: said as it is, and the build is asked again", async () => {
      const slow = 'console.log("slow"); await new Promise((done) => setTimeout(done, 8_000));\n';
      const text = app.repository.git("show", "HEAD:build.mjs");
      const commit = app.release("v1.1.0", { files: { "build.mjs": `${slow}${text}\n` } });
      let torn: Promise<unknown> | undefined;
      await new Promise<void>((resolve) => {
        torn = build("v1.1.0", commit, ({ line }) => {
          if (line === "slow") resolve();
        }).catch((err: unknown) => err);
      });
      await world.stopHost();
      expect(await torn).toMatchObject({
        code: "ENGINE_UNREACHABLE",
        message: expect.stringMatching(/Start it/),
      });
      expect(await driver.find("v1.1.0")).toBeNull();
      await world.startHost();
      expect(await health(app)).toMatchObject({ version: "v1.0.0" });
      await driver.switchTo(await build("v1.1.0", commit), { overlap: true });
      expect(await health(app)).toMatchObject({ version: "v1.1.0" });
    });

    it.each(["v1.1.0", "v1.0.0"])(
      "when the old release stopped and the new one does not serve yet: %s can be switched to",
      async (tag) => {
        const old = await driver.find("v1.0.0");
        const built = await build("v1.1.0", app.release("v1.1.0"));
        const torn = driver.switchTo(built, { overlap: true }).catch((err: unknown) => err);
        while ((await health(app)) !== null) await new Promise((done) => setTimeout(done, 5));
        await world.stopHost();
        expect(await torn).toMatchObject({ code: "ENGINE_UNREACHABLE" });
        expect(await driver.running()).toMatchObject({ release: "v1.0.0", reachable: false });
        await world.startHost();
        const wanted = tag === "v1.1.0" ? built : old;
        if (wanted === null) throw new Error("v1.0.0 is gone");
        await world.another().switchTo(wanted, { overlap: true });
        expect(await health(app)).toMatchObject({ version: tag });
        expect(await driver.running()).toMatchObject({
          release: tag,
          roles: [{ name: "web", state: "running", release: tag }],
        });
      },
    );
  });
});
