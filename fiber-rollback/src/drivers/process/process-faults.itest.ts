import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "#runtime";
import { createSampleApp, type SampleApp } from "#testkit";
import { createGit } from "../../git/run-git.js";
import { health } from "../deploy-driver-conformance.itest-kit.js";
import { currentLink, currentTag } from "./current-release.js";
import { destroyTree } from "./frozen-tree.js";
import { createProcessDriver } from "./process-driver.js";

const KIT = join(packageRoot, "fiber-rollback", "src", "drivers", "process");
let app: SampleApp;
let root: string;
let stateDir: string;
let started: ChildProcess[];

beforeEach(async () => {
  app = await createSampleApp();
  root = mkdtempSync(join(tmpdir(), "fiber-driver-"));
  stateDir = join(root, "state");
  started = [];
});
afterEach(async () => {
  for (const child of started) killGroup(child);
  await destroyTree(root);
  app.remove();
});

const makeDriver = () => createProcessDriver({ stateDir, git: createGit(app.repository.folder) });

/** Starts a kit in a process group of its own; `line` waits for a line that it prints. */
function startKit(kit: string, ...args: string[]) {
  const command = ["--import", "tsx", "--conditions=source", join(KIT, kit), ...args];
  const child = spawn(process.execPath, command, {
    cwd: packageRoot,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const lines: string[] = [];
  const printed = createInterface({ input: child.stdout });
  printed.on("line", (line) => lines.push(line));
  return {
    child,
    async line(wanted: RegExp): Promise<void> {
      while (!lines.some((line) => wanted.test(line))) await once(printed, "line");
    },
  };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), "SIGKILL");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
  }
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  killGroup(child);
  await ended;
}

describe("a build that is killed", () => {
  it("leaves nothing that counts, and the next one cleans up after it", async () => {
    const slow = 'console.log("slow"); setTimeout(() => {}, 60_000);\n';
    const commit = app.release("v1.0.0", { files: { "build.mjs": slow } });
    const args = [stateDir, app.repository.folder, "v1.0.0", commit];
    const build = startKit("killable-build.itest-kit.ts", ...args);
    await build.line(/slow/);
    await killed(build.child);
    const folder = join(stateDir, "releases", "v1.0.0");
    expect(readdirSync(folder).join()).toMatch(/\.partial/);
    const driver = makeDriver();
    expect(await driver.find("v1.0.0")).toBeNull();

    app.release("v1.0.1", { files: { "build.mjs": "process.exit(0);\n" } });
    const mended = app.repository.git("rev-parse", "v1.0.1^{commit}");
    await driver.prepare("v1.0.0", mended, () => undefined);
    expect(readdirSync(folder).sort()).toEqual(["artefact.json", "build.log", "seen.json", "tree"]);
    const worktrees = app.repository.git("worktree", "list").split("\n");
    expect(worktrees).toHaveLength(1);
  });

  it("is not counted either when it was killed between the tree and its record", async () => {
    const commit = app.release("v1.0.0");
    const driver = makeDriver();
    const built = await driver.prepare("v1.0.0", commit, () => undefined);
    rmSync(join(stateDir, "releases", "v1.0.0", "artefact.json"));
    expect(await driver.find("v1.0.0")).toBeNull();
    expect(await driver.prepare("v1.0.0", commit, () => undefined)).toEqual(built);
  });
});

describe("a supervisor that is killed", () => {
  it.each([0, 150, 400, 800, 1_500])(
    "%i ms into a switch: asked again, the new release runs and nothing else",
    { timeout: 120_000 },
    async (afterMs) => {
      const driver = makeDriver();
      const first = await driver.prepare("v1.0.0", app.release("v1.0.0"), () => undefined);
      const second = await driver.prepare("v1.1.0", app.release("v1.1.0"), () => undefined);
      const host = startKit("killable-host.itest-kit.ts", stateDir);
      await host.line(/^up$/);
      await driver.switchTo(first, { overlap: true });
      const torn = driver.switchTo(second, { overlap: true }).catch((err: unknown) => err);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await killed(host.child);
      const outcome = await torn;
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "AGENT_UNREACHABLE" });

      const after = await currentTag(stateDir);
      expect(["v1.0.0", "v1.1.0"]).toContain(after);
      // Roles end when their supervisor's channel closes; the next one needs their port.
      await until(async () => (await health(app)) === null);
      const again = startKit("killable-host.itest-kit.ts", stateDir);
      await again.line(/^up$/);
      expect(await health(app)).toMatchObject({ version: after });
      await makeDriver().switchTo(second, { overlap: true });
      expect(await health(app)).toMatchObject({ version: "v1.1.0" });
      expect(await driver.running()).toMatchObject({
        release: "v1.1.0",
        digest: second.digest,
        roles: [{ name: "web", state: "running", release: "v1.1.0" }],
      });
    },
  );
});

describe("a role that ends by itself", () => {
  it("is started again from the release that runs, also when another was built meanwhile", async () => {
    const driver = makeDriver();
    const first = await driver.prepare("v1.0.0", app.release("v1.0.0"), () => undefined);
    const host = startKit("killable-host.itest-kit.ts", stateDir);
    await host.line(/^up$/);
    await driver.switchTo(first, { overlap: true });
    await driver.prepare("v1.1.0", app.release("v1.1.0"), () => undefined);
    const before = await health(app);
    process.kill(before?.pid ?? 0, "SIGKILL");
    await until(async () => {
      const now = await health(app);
      return now !== null && now.pid !== before?.pid;
    });
    expect(await health(app)).toMatchObject({ version: "v1.0.0" });
  });
});

describe("what was deployed", () => {
  it("is named when its tree is gone, with what to do", async () => {
    const driver = makeDriver();
    const first = await driver.prepare("v1.0.0", app.release("v1.0.0"), () => undefined);
    await driver.switchTo(first, { overlap: true });
    expect(existsSync(currentLink(stateDir))).toBe(true);
    rmSync(join(stateDir, "releases", "v1.0.0", "artefact.json"));
    const host = startKit("killable-host.itest-kit.ts", stateDir);
    const [code] = (await once(host.child, "exit")) as [number];
    expect(code).toBe(1);
    await expect(
      driver.switchTo({ ...first, digest: "sha256:0" }, { overlap: true }),
    ).rejects.toMatchObject({ code: "ARTEFACT_GONE" });
  });

  it("keeps what a failing build printed, in the file that the error names", async () => {
    const commit = app.release("v1.0.0", { breakage: "build-fails" });
    const err = await makeDriver()
      .prepare("v1.0.0", commit, () => undefined)
      .catch((one: Error) => one);
    const log = join(stateDir, "releases", "v1.0.0", "build.log");
    expect(String((err as Error).message)).toContain(log);
    expect(readFileSync(log, "utf8")).toMatch(
      /^\$ node build\.mjs\nbuilding v1\.0\.0\nthis version/,
    );
  });

  it("ends a build that is no longer wanted, with everything that it started", async () => {
    const script = `import { spawn } from "node:child_process";
      import { writeFileSync } from "node:fs";
      const child = spawn("sleep", ["600"], { stdio: "ignore" });
      writeFileSync(${JSON.stringify(join(root, "pid"))}, String(child.pid));
      console.log("going on");
      setTimeout(() => {}, 600_000);\n`;
    const commit = app.release("v1.0.0", { files: { "build.mjs": script } });
    const ending = new AbortController();
    const driver = createProcessDriver({
      stateDir,
      git: createGit(app.repository.folder),
      signal: ending.signal,
    });
    const building = driver.prepare("v1.0.0", commit, ({ line }) => {
      if (line === "going on") ending.abort();
    });
    await expect(building).rejects.toMatchObject({ code: "STOPPED" });
    const pid = Number(readFileSync(join(root, "pid"), "utf8"));
    await until(async () => !isAlive(pid));
    expect(readdirSync(join(stateDir, "releases", "v1.0.0"))).toEqual(["build.log"]);
  });
});

describe("current", () => {
  it("is not taken for a release when it is something else", async () => {
    const driver = makeDriver();
    await driver.prepare("v1.0.0", app.release("v1.0.0"), () => undefined);
    writeFileSync(currentLink(stateDir), "not a link");
    expect(await currentTag(stateDir)).toBeNull();
    expect(await driver.running()).toMatchObject({ release: null, reachable: false });
  });
});

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function until(met: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await met())) {
    if (Date.now() > deadline) throw new Error(`not met within 30 s: ${met}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
