import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import {
  canHaveScratchDocker,
  createScratchDocker,
  requireDocker,
  type SampleApp,
  type ScratchDocker,
} from "#testkit";
import { createGit } from "../../git/run-git.js";
import { type DriverWorld, health } from "../deploy-driver-conformance.itest-kit.js";
import { createComposeDriver } from "./compose-driver.js";
import { listContainers } from "./containers.js";
import { createDocker } from "./docker.js";

/** The image on which every version of the sample app is built. */
const BASE = "node:24-bookworm-slim";

/** The sample app's installation on an engine of the test's own. */
export interface ComposeWorld extends DriverWorld {
  readonly stateDir: string;
}

/** Tests with an engine of their own, on which `open` makes installations of sample apps. */
export function describeOnContainers(
  name: string,
  body: (open: (app: SampleApp) => Promise<ComposeWorld>) => void,
): void {
  const canRun = requireDocker() && canHaveScratchDocker();
  describe.skipIf(!canRun)(name, () => {
    let engine: ScratchDocker;
    beforeAll(async () => {
      engine = createScratchDocker();
      await engine.start();
      engine.load(BASE);
    }, 300_000);
    afterAll(() => engine?.remove(), 120_000);
    body(async (app) => openWorld(engine, app));
  });
}

function openWorld(engine: ScratchDocker, app: SampleApp): ComposeWorld {
  const stateDir = join(mkdtempSync(join(tmpdir(), "fiber-compose-")), "state");
  const { env } = engine;
  const docker = createDocker(env);
  const project = `fiber-sample-${app.port}`;
  const another = () =>
    createComposeDriver({ stateDir, git: createGit(app.repository.folder), env });
  return {
    stateDir,
    driver: another(),
    another,
    stopHost: () => engine.kill(),
    async startHost() {
      await engine.start();
      await awaitRunning();
    },
    async tamper({ tag }) {
      await docker.must("tag", BASE, `${project}:${tag}`);
    },
    async remove() {
      await engine.start();
      const ids = (await listContainers(docker, project)).map((one) => one.id);
      if (ids.length > 0) await docker.must("rm", "--force", ...ids);
      rmSync(join(stateDir, ".."), { recursive: true, force: true });
    },
  };

  /** The engine starts what ran before by itself; what it says then counts when it serves. */
  async function awaitRunning(): Promise<void> {
    for (let tries = 0; tries < 150; tries++) {
      const found = await listContainers(docker, project);
      const starting = found.some((one) => one.status === "running" && one.health === "starting");
      const shouldServe = found.some((one) => one.status === "running");
      if (!starting && (!shouldServe || (await health(app)) !== null)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const logs = execFileSync("docker", ["ps", "--all"], { env: { ...process.env, ...env } });
    throw new Error(`the containers do not come back:\n${logs}`);
  }
}
