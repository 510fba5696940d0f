import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommand, systemClock } from "#runtime";
import { createTestRepository, type TestRepository } from "#testkit";
import { createGit, type Git } from "../git/run-git.js";
import type { Gate } from "../project/project-file.js";
import { gateReportFile, gatesPassedFor, readGateReport } from "./gate-report.js";
import { gateEnvironment, runGates } from "./run-gates.js";
import { type GatesForCommit, runGatesFor } from "./run-gates-for.js";

const PROJECT = `format: 1
name: sample
gates:
  - { id: app, title: The app works, run: test "$(cat app)" = one }
  - { id: quick, title: It is quick, run: touch left-behind }
`;
let repository: TestRepository;
let git: Git;
let stateDir: string;
let commit: string;
beforeEach(() => {
  repository = createTestRepository();
  git = createGit(repository.folder);
  stateDir = mkdtempSync(join(tmpdir(), "fiber-gates-"));
  commit = repository.commit("Begin", { app: "one", "fiber.yaml": PROJECT });
});
afterEach(() => {
  repository.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

const gate = (run: string, id = "one"): Gate => ({ id, title: id, run, timeout_s: 60 });
const here = () => ({ folder: repository.folder, commit, clock: systemClock });
const run = (given: Partial<GatesForCommit> = {}) =>
  runGatesFor({ git, stateDir, commit, clock: systemClock, ...given });
const GATES = [gate('test "$(cat app)" = one', "app"), gate("touch left-behind", "quick")];

describe("gates of a commit", () => {
  it("run in a worktree of their own and leave a report that deploy finds", async () => {
    repository.commit("Break", { app: "two" });
    writeFileSync(join(repository.folder, "mine"), "uncommitted");
    expect(await gatesPassedFor(stateDir, commit, GATES)).toMatchObject({
      passed: false,
      missing: ["app was not run", "quick was not run"],
    });
    const report = await run();
    expect(report).toMatchObject({ verdict: "passed", commit });
    expect(await readGateReport(stateDir, commit)).toEqual(report);
    expect(await gatesPassedFor(stateDir, commit, GATES)).toMatchObject({ passed: true });
    expect(repository.git("status", "--porcelain")).toBe("?? mine");
    expect(repository.git("worktree", "list").split("\n")).toHaveLength(1);
  });

  it("are those that the commit declares, not those that are checked out", async () => {
    repository.commit("No gates", { "fiber.yaml": "format: 1\nname: sample\n" });
    expect((await run()).gates.map(({ id }) => id)).toEqual(["app", "quick"]);
  });

  it("keep what others said when only one runs again", async () => {
    await run({ only: ["app"] });
    expect((await gatesPassedFor(stateDir, commit, GATES)).missing).toEqual(["quick was not run"]);
    await run({ only: ["quick"] });
    expect((await gatesPassedFor(stateDir, commit, GATES)).passed).toBe(true);
  });

  it("count as not run once their command changed, and as not passed once one failed", async () => {
    await run();
    const stricter = [gate("test -f never", "app"), GATES[1] ?? gate("false")];
    expect((await gatesPassedFor(stateDir, commit, stricter)).missing).toEqual([
      "app was run with another command",
    ]);
    const bad = repository.commit("Break", { app: "two" });
    expect((await run({ commit: bad })).verdict).toBe("failed");
    expect((await gatesPassedFor(stateDir, bad, GATES)).missing).toEqual(["app failed"]);
  });

  it("refuse a report that is damaged or of a newer version", async () => {
    await run();
    writeFileSync(gateReportFile(stateDir, commit), '{"format":1,');
    await expect(gatesPassedFor(stateDir, commit, GATES)).rejects.toMatchObject({
      code: "GATE_REPORT_INVALID",
      message: expect.stringContaining("fiber gates"),
    });
    writeFileSync(gateReportFile(stateDir, commit), '{"format":9}');
    await expect(run()).rejects.toMatchObject({ code: "GATE_REPORT_TOO_NEW" });
  });
});

describe("one gate", () => {
  it.each([
    ["exit 0", "passed", 0],
    ["exit 7", "failed", 7],
    ["exit 125", "unjudged", 125],
    ["no-such-program-of-ours", "failed", 127],
    ["kill -9 $$", "failed", null],
  ])("%s is %s", async (command, verdict, exitCode) => {
    expect((await runGates([gate(command)], here())).gates[0]).toMatchObject({ verdict, exitCode });
  });

  it("keeps the end of a long output, both streams in order", async () => {
    const noisy = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo last >&2";
    const [result] = (await runGates([gate(noisy)], here())).gates;
    expect(result?.tail.split("\n").slice(-2)).toEqual(["line 2999", "last"]);
    expect(result?.tail.split("\n").length).toBeLessThanOrEqual(20);
  });

  it("is ended with everything it started when its time is over", async () => {
    const slow = { ...gate("sleep 300 & echo $! > pid; wait"), timeout_s: 1 };
    const [result] = (await runGates([slow], here())).gates;
    expect(result).toMatchObject({
      verdict: "failed",
      tail: expect.stringContaining("within 1 s"),
    });
    expect(await isGone()).toBe(true);
  });

  it("is ended by a signal, and no other runs", async () => {
    const controller = new AbortController();
    const begin = (started: Gate) => {
      if (started.id === "slow") setTimeout(() => controller.abort(new Error("stop")), 300);
    };
    const gates = [gate("sleep 300 & echo $! > pid; wait", "slow"), gate("touch next", "next")];
    const running = runGates(gates, { ...here(), begin, signal: controller.signal });
    await expect(running).rejects.toThrow("stop");
    expect(existsSync(join(repository.folder, "next"))).toBe(false);
    expect(await isGone()).toBe(true);
  });

  it("leaves no worktree behind when a signal ends it", async () => {
    const slow = repository.commit("Slow", {
      "fiber.yaml": "format: 1\nname: x\ngates: [{ id: a, title: A, run: sleep 300 }]\n",
    });
    const controller = new AbortController();
    const begin = () => void setTimeout(() => controller.abort(new Error("stop")), 100);
    const running = run({ commit: slow, begin, signal: controller.signal });
    await expect(running).rejects.toThrow("stop");
    expect(repository.git("worktree", "list").split("\n")).toHaveLength(1);
    expect(existsSync(join(stateDir, "gates")) && readdirSync(join(stateDir, "gates"))).toBe(false);
  });

  it("does not see the installation's settings or another repository", () => {
    const env = gateEnvironment({
      PATH: "/bin",
      FIBER_DATABASE_URL: "postgres://production",
      FIBER_STATE_DIR: "/var/lib/fiberstack/x",
      FIBER_PG_BIN: "/usr/lib/postgresql/15/bin",
      GIT_DIR: "/elsewhere",
      NODE_ENV: "production",
    });
    expect(env).toEqual({ PATH: "/bin", FIBER_PG_BIN: "/usr/lib/postgresql/15/bin", CI: "true" });
  });
});

/** Whether the process that a gate noted in `pid` has ended; nobody may have buried it yet. */
async function isGone(): Promise<boolean> {
  const pid = readFileSync(join(repository.folder, "pid"), "utf8").trim();
  const { stdout } = await runCommand(["ps", "-o", "stat=", "-p", pid]);
  return stdout.trim() === "" || stdout.trim().startsWith("Z");
}
