import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { createLogger } from "#runtime";
import { freePort } from "#testkit";
import { type NatsServer, type NatsServerOptions, startNatsServer } from "./start-nats-server.js";

/** A nats-server of one test's own, which it may kill. */
export interface ScratchNats {
  readonly url: string;
  readonly folder: string;
  pid(): number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data. */
  start(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

const log = createLogger({ role: "testkit", level: "error" });
/** Ends the server and removes the folder when we are gone, however we went. */
const JANITOR =
  'cat >/dev/null; kill -9 "$(cat "$1/nats.pid")" 2>/dev/null; sleep 0.2; rm -rf "$1"';

/** Starts a nats-server in a folder of its own on a free port. */
export async function startScratchNats(
  options: Partial<Pick<NatsServerOptions, "maxMb" | "dataFolder">> = {},
): Promise<ScratchNats> {
  const folder = mkdtempSync(join(tmpdir(), "fiber-nats-"));
  const janitor = spawn("sh", ["-c", JANITOR, "fiber-janitor", folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(janitor, "exit");
  janitor.unref();
  const open = (port: number) =>
    startNatsServer({ maxMb: 1_024, ...options, folder, port, log, output: "ignore" });
  let server = await onFreePort(open);
  return {
    url: server.url,
    folder,
    pid: () => server.pid,
    async kill() {
      process.kill(server.pid, "SIGKILL");
      await server.ended;
    },
    async start() {
      server = await open(server.port);
    },
    async remove() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
      janitor.ref();
      janitor.stdin.end();
      await gone;
    },
  };
}

const PORT_ATTEMPTS = 5;

async function onFreePort(open: (port: number) => Promise<NatsServer>): Promise<NatsServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(await freePort());
    } catch (err) {
      const taken = err instanceof FiberError && err.code === "PORT_TAKEN";
      if (!taken || attempt === PORT_ATTEMPTS) throw err;
    }
  }
}
