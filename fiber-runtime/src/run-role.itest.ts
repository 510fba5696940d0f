import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { packageRoot } from "./package-root.js";

const folder = mkdtempSync(join(tmpdir(), "fiber-role-"));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a role whose stop takes `stopMs`, and waits until it says that it is ready. */
async function startRole(stopMs: number, graceMs: number): Promise<ChildProcess> {
  const file = join(folder, `role-${stopMs}-${graceMs}.mts`);
  const door = join(packageRoot, "fiber-runtime/src/index.ts");
  writeFileSync(
    file,
    `import { createLogger, runRole, tellSupervisor } from ${JSON.stringify(door)};
     await runRole(async () => {
       const alive = setInterval(() => {}, 1000);
       return {
         stop: async () => {
           await new Promise((resolve) => setTimeout(resolve, ${stopMs}));
           clearInterval(alive);
           console.log("stopped cleanly");
         },
         reload: async () => console.log("reloaded"),
       };
     }, { log: createLogger({ role: "test", level: "silent" }), graceMs: ${graceMs} });
     tellSupervisor({ type: "ready", detail: {} });`,
  );
  const child = fork(file, [], {
    execArgv: ["--import", import.meta.resolve("tsx"), "--conditions=source"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  children.push(child);
  await once(child, "message");
  return child;
}

async function outputUntilExit(child: ChildProcess): Promise<{ code: number | null; out: string }> {
  let out = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  // Node never emits "close" after a disconnect, so wait for its two halves.
  const [[code]] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    child.stdout ? once(child.stdout, "end") : undefined,
  ]);
  return { code, out };
}

describe("runRole", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("stops cleanly on %s", async (signal) => {
    const child = await startRole(50, 5_000);
    child.kill(signal);
    expect(await outputUntilExit(child)).toEqual({ code: 0, out: "stopped cleanly\n" });
  });

  it("stops when its supervisor's channel closes", async () => {
    const child = await startRole(0, 5_000);
    child.disconnect();
    expect(await outputUntilExit(child)).toEqual({ code: 0, out: "stopped cleanly\n" });
  });

  it("stops once, however often it is told", async () => {
    const child = await startRole(300, 5_000);
    child.kill("SIGTERM");
    child.kill("SIGINT");
    expect((await outputUntilExit(child)).out).toBe("stopped cleanly\n");
  });

  it("exits 1 when its stop takes longer than the grace time", async () => {
    const child = await startRole(60_000, 200);
    child.kill("SIGTERM");
    expect((await outputUntilExit(child)).code).toBe(1);
  });

  it("reloads on SIGHUP and goes on", async () => {
    const child = await startRole(0, 5_000);
    child.kill("SIGHUP");
    await once(child.stdout ?? child, "data");
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect((await outputUntilExit(child)).code).toBe(0);
  });
});
