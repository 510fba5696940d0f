import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build } from "vite";
import { expect } from "vitest";
import { packageRoot } from "#runtime";

/** A folder for many short-lived runs: in memory where there is such a place, as each line is synced. */
export function makeFastFolder(prefix: string): string {
  return mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), prefix));
}

/**
 * Bundles a TypeScript file with our sources into one script, which starts in a third of the time:
 * a test that kills it a hundred times starts it two hundred times.
 */
export async function bundleScript(
  script: string,
): Promise<{ readonly path: string; remove(): void }> {
  const outDir = mkdtempSync(join(tmpdir(), "fiber-script-"));
  const conditions = ["source", "import", "node", "default"];
  await build({
    configFile: false,
    root: packageRoot,
    logLevel: "warn",
    build: { ssr: script, outDir, emptyOutDir: false, minify: false, target: "node20" },
    ssr: { resolve: { conditions } },
    resolve: { conditions },
  });
  copyFileSync(join(packageRoot, "package.json"), join(outDir, "package.json"));
  for (const folder of ["node_modules", "fiber-db"]) {
    symlinkSync(join(packageRoot, folder), join(outDir, folder));
  }
  return {
    path: join(outDir, basename(script).replace(/\.ts$/, ".js")),
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  };
}

/** How a child ended, and what it said line by line. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: readonly string[];
}

/**
 * Runs a script that {@link bundleScript} made in a process group of its own, which is killed right
 * after the n-th line of the run's journal is on disk, or not at all.
 */
export async function runKilled(
  script: string,
  args: readonly string[],
  killAfterLine: number | null = null,
): Promise<ChildEnd> {
  const child = spawn(process.execPath, [script, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      FIBER_ENV: "test",
      FIBER_CHAOS_KILL_AFTER_LINE: String(killAfterLine ?? ""),
    },
  });
  let said = "";
  child.stdout.on("data", (text: Buffer) => {
    said += text.toString();
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, said: said.trim().split("\n") };
}

/** A run that can be killed, in a world of its own. */
export interface KillableRun {
  /** Begins it; `killAfterLine` is for `runKilled`. */
  begin(killAfterLine: number | null): Promise<ChildEnd>;
  /** Goes on with it, killed again after a line or not. */
  resume(killAfterLine: number | null): Promise<ChildEnd>;
  /** What counts as the final state; equal for equal ends. */
  state(): Promise<unknown>;
  /** How many lines its journal has now. */
  lines(): Promise<number>;
  remove(): Promise<void>;
}

/**
 * Runs once undisturbed; then, for every line of its journal, kills a fresh run right after that
 * line, resumes it, and expects the same final state.
 *
 * @param make a fresh run in a fresh world
 * @param only kills after these lines, for runs that take long; every line by default
 * @returns how many lines the undisturbed run's journal has
 */
export async function killEverywhere(
  make: () => Promise<KillableRun>,
  only: (line: number) => boolean = () => true,
): Promise<number> {
  const undisturbed = await make();
  await undisturbed.begin(null);
  const wanted = await undisturbed.state();
  const lines = await undisturbed.lines();
  await undisturbed.remove();
  for (let line = 1; line < lines; line++) {
    if (!only(line)) continue;
    const run = await make();
    const killed = await run.begin(line);
    expect({ line, signal: killed.signal }).toEqual({ line, signal: "SIGKILL" });
    expect({ line, ended: (await run.resume(null)).signal }).toEqual({ line, ended: null });
    expect({ line, state: await run.state() }).toEqual({ line, state: wanted });
    await run.remove();
  }
  return lines;
}

/**
 * Kills one run after every line in turn, also the commands that go on with it, until one comes to
 * the end; expects the final state of an undisturbed run.
 */
export async function killInTurn(make: () => Promise<KillableRun>): Promise<void> {
  const undisturbed = await make();
  await undisturbed.begin(null);
  const wanted = await undisturbed.state();
  await undisturbed.remove();
  const run = await make();
  let end = await run.begin(1);
  let deaths = 0;
  for (; end.signal === "SIGKILL"; deaths++) {
    // Going on is a line of its own. Then by turns the intent alone, and the intent with its outcome:
    // a step that dies after every intent would never be done.
    end = await run.resume((await run.lines()) + 2 + (deaths % 2));
  }
  expect(deaths).toBeGreaterThan(3);
  expect(await run.state()).toEqual(wanted);
  await run.remove();
}
