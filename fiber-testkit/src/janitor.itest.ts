import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { packageRoot } from "#runtime";

const SCRIPT = `
import { startScratchPostgres } from "#testkit";
const { stateDir, pid } = await startScratchPostgres();
process.send({ stateDir, pid });
setInterval(() => {}, 1000);
`;

it("leaves neither server nor folder when a run is killed", async () => {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=source", "--input-type=module", "-e", SCRIPT],
    { cwd: packageRoot, stdio: ["ignore", "ignore", "inherit", "ipc"] },
  );
  const [started] = (await once(child, "message")) as [{ stateDir: string; pid: number }];
  expect(existsSync(started.stateDir)).toBe(true);
  child.kill("SIGKILL");
  for (let tries = 0; existsSync(started.stateDir) && tries < 500; tries += 1) await sleep(100);
  expect(existsSync(started.stateDir)).toBe(false);
  expect(existsSync(`/proc/${started.pid}/cwd`)).toBe(false);
});
