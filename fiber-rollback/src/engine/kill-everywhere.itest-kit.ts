import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";

/** How a child ended, and what it said line by line. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: readonly string[];
}

/**
 * Runs a TypeScript file in a process group of its own, which is killed right after the n-th line
 * of the run's journal is on disk, or not at all.
 */
export async function runKilled(
  script: string,
  args: readonly string[],
  killAfterLine: number | null = null,
): Promise<ChildEnd> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=source", script, ...args],
    {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        FIBER_ENV: "test",
        FIBER_CHAOS_KILL_AFTER_LINE: String(killAfterLine ?? ""),
      },
    },
  );
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
  remove(): Promise<void>;
}

/**
 * Runs once undisturbed; then, for every line of its journal, kills a fresh run right after that
 * line, resumes it, and expects the same final state. At last one run is killed after every line in
 * turn, each time by the command that goes on with it.
 *
 * @param make a fresh run in a fresh world
 * @param only kills after these lines, for runs that take long; every line by default
 * @returns how many lines the undisturbed run's journal has
 */
export async function killEverywhere(
  make: () => Promise<KillableRun>,
  linesOf: (run: KillableRun) => Promise<number>,
  only: (line: number) => boolean = () => true,
): Promise<number> {
  const undisturbed = await make();
  await undisturbed.begin(null);
  const wanted = await undisturbed.state();
  const lines = await linesOf(undisturbed);
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
  await killInTurn(await make(), { wanted, linesOf });
  return lines;
}

async function killInTurn(
  run: KillableRun,
  {
    wanted,
    linesOf,
  }: { readonly wanted: unknown; readonly linesOf: (run: KillableRun) => Promise<number> },
): Promise<void> {
  let end = await run.begin(1);
  let deaths = 0;
  while (end.signal === "SIGKILL") {
    deaths++;
    // The line "resume" is one more each time: without the step after it nothing would go on.
    end = await run.resume((await linesOf(run)) + 2);
  }
  expect(deaths).toBeGreaterThan(3);
  expect(await run.state()).toEqual(wanted);
  await run.remove();
}
