import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createLogger, systemClock } from "#runtime";
import { freePort } from "#testkit";
import { findNatsServer } from "./find-nats-server.js";
import { localQueueUrl, queueFolder, runQueueServer } from "./run-queue-server.js";
import { startScratchNats } from "./scratch-nats.itest-kit.js";
import { startNatsServer } from "./start-nats-server.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const log = createLogger({ role: "test", level: "silent" });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-nats-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("says which package to install when there is no nats-server", async () => {
  await expect(findNatsServer({ FIBER_NATS_BIN: join(folder, "none") })).rejects.toMatchObject({
    code: "NATS_SERVER_MISSING",
    message: expect.stringMatching(/FIBER_NATS_BIN names .*apt-get install nats-server/s),
  });
});

it("names the holder of its port and the variable that moves it", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await expect(
    startNatsServer({ folder, port, maxMb: 64, log, output: "ignore" }),
  ).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: expect.stringMatching(new RegExp(`process ${process.pid} .*FIBER_NATS_PORT`, "s")),
  });
  server.close();
});

it("stops a server that a killed process left on the folder, and keeps its password to itself", async () => {
  const config = { FIBER_NATS_PORT: await freePort(), FIBER_QUEUE_MAX_MB: 64 };
  const ended: string[] = [];
  const options = {
    config,
    stateDir: folder,
    log,
    clock: systemClock,
    output: "ignore" as const,
    onEnded: (how: string) => void ended.push(how),
  };
  const orphan = await runQueueServer(options);
  const next = await runQueueServer(options);
  expect(next.pid).not.toBe(orphan.pid);
  expect(await orphan.ended).toBeDefined();
  expect(localQueueUrl(folder)).toBe(next.url);
  for (const secret of ["password", "url", "nats.conf"]) {
    expect(statSync(join(queueFolder(folder), secret)).mode & 0o077).toBe(0);
  }
  expect(ended).toHaveLength(1);
  process.kill(next.pid, "SIGKILL");
  await next.ended;
  await vi.waitUntil(() => ended.length === 2);
  await orphan.stop();
  await next.stop();
});

it("leaves nothing behind in tests", async () => {
  const scratch = await startScratchNats();
  expect(existsSync(scratch.folder)).toBe(true);
  await scratch.remove();
  expect(existsSync(scratch.folder)).toBe(false);
});
