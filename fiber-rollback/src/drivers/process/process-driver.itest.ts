import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppHost, startAppHost } from "#agent";
import { createLogger, systemClock } from "#runtime";
import type { SampleApp } from "#testkit";
import { createGit } from "../../git/run-git.js";
import { type DriverWorld, describeDeployDriver } from "../deploy-driver-conformance.itest-kit.js";
import { destroyTree } from "./frozen-tree.js";
import { createProcessDriver } from "./process-driver.js";

describeDeployDriver("process", openWorld);

async function openWorld(app: SampleApp): Promise<DriverWorld> {
  const root = mkdtempSync(join(tmpdir(), "fiber-driver-"));
  const stateDir = join(root, "state");
  let host: AppHost | null = null;
  const another = () => createProcessDriver({ stateDir, git: createGit(app.repository.folder) });
  const stopHost = async () => {
    await host?.stop();
    host = null;
  };
  return {
    driver: another(),
    another,
    stopHost,
    async startHost() {
      host ??= await startAppHost({
        stateDir,
        log: createLogger({ role: "host", level: "silent" }),
        clock: systemClock,
        say: () => undefined,
      });
    },
    async tamper({ ref }) {
      const file = join(ref, "dist", "server.mjs");
      chmodSync(file, 0o644);
      writeFileSync(file, "changed");
    },
    async remove() {
      await stopHost();
      await destroyTree(root);
    },
  };
}
