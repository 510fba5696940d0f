import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { FiberError } from "#contracts";
import { type Logger, portHolder, runCommand } from "#runtime";
import { findNatsServer, isAtLeast } from "./find-nats-server.js";

/** Where and how to run a server. */
export interface NatsServerOptions {
  /** Holds its configuration, password and streams. */
  readonly folder: string;
  /** Listens on 127.0.0.1 only. */
  readonly port: number;
  /** Where the streams lie; `data` in the folder by default. */
  readonly dataFolder?: string;
  /** Room for streams, MB. */
  readonly maxMb: number;
  readonly log: Logger;
  /** Where its own log goes: to this process's output, or nowhere. */
  readonly output?: "inherit" | "ignore";
}

/** A running nats-server. */
export interface NatsServer {
  readonly pid: number;
  readonly port: number;
  readonly version: string;
  /** With user and password. */
  readonly url: string;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  /** TERM, and KILL when it does not end within 10 s. */
  stop(): Promise<void>;
}

const READY_MS = 30_000;
const STOP_MS = 10_000;
const POLL_MS = 50;
const USER = "fiber";

/**
 * Starts a nats-server with JetStream, stopping the one that a killed process left on the folder.
 *
 * @throws FiberError NATS_SERVER_MISSING, PORT_TAKEN, NATS_SERVER_UNUSABLE
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { folder, port, log, output = "inherit" } = options;
  const program = await findNatsServer();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await stopOrphan(folder, log);
  await requirePort(port);
  const name = `fiber-${randomBytes(6).toString("hex")}`;
  const password = readPassword(folder);
  const config = writeConfig(options, { name, password, version: program.version });
  const stdio = ["ignore", output, output] as const;
  const child = spawn(program.path, ["-c", config], { stdio: [...stdio], cwd: folder });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (err) => resolve(err.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const url = `nats://${USER}:${password}@127.0.0.1:${port}`;
  writeSecret(join(folder, "url"), url);
  try {
    await waitUntilReady({ name, port, password, child, ended });
  } catch (err) {
    child.kill("SIGKILL");
    throw err;
  }
  return {
    pid: child.pid ?? 0,
    port,
    version: program.version,
    url,
    ended,
    async stop() {
      await stopChild(child, ended);
    },
  };
}

/** The password of a folder's server; made once, for its owner only. */
function readPassword(folder: string): string {
  const path = join(folder, "password");
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const password = randomBytes(24).toString("hex");
  writeSecret(path, `${password}\n`);
  return password;
}

/** Written beside and renamed: a kill never leaves half a file. */
function writeSecret(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** From 2.10 a server can sync each message before it acknowledges it; before, once a minute. */
function writeConfig(
  { folder, port, maxMb, dataFolder = join(folder, "data") }: NatsServerOptions,
  server: { name: string; password: string; version: string },
): string {
  const path = join(folder, "nats.conf");
  const sync = isAtLeast(server.version, 2, 10) ? "\n  sync_interval: always" : "";
  const text = `# Written at each start.
server_name: ${server.name}
listen: "127.0.0.1:${port}"
pid_file: ${JSON.stringify(join(folder, "nats.pid"))}
jetstream {
  store_dir: ${JSON.stringify(dataFolder)}
  max_file_store: ${maxMb}MB${sync}
}
authorization { user: ${USER}, password: ${JSON.stringify(server.password)} }
`;
  writeSecret(path, text);
  return path;
}

async function waitUntilReady(server: {
  name: string;
  port: number;
  password: string;
  child: ChildProcess;
  ended: Promise<string>;
}): Promise<void> {
  let how: string | null = null;
  void server.ended.then((end) => {
    how = end;
  });
  let why = "no answer";
  for (const end = Date.now() + READY_MS; Date.now() < end; await sleep(POLL_MS)) {
    if (how !== null) {
      throw unusable(`nats-server ended before it was ready (${how}); its log says why.`);
    }
    try {
      const nc = await connect({
        servers: `127.0.0.1:${server.port}`,
        user: USER,
        pass: server.password,
        reconnect: false,
        timeout: 1_000,
      });
      const { server_name: name, jetstream } = nc.info ?? {};
      await nc.close();
      if (name === server.name && jetstream === true) return;
      why = name === server.name ? "JetStream is not ready" : "another server answers";
    } catch (err) {
      why = (err as Error).message;
    }
  }
  throw unusable(`nats-server was not ready within ${READY_MS / 1_000} s: ${why}.`);
}

async function requirePort(port: number): Promise<void> {
  const holder = await portHolder(port);
  if (holder === null) return;
  throw new FiberError(
    "PORT_TAKEN",
    `Port ${port}, which nats-server needs, is taken by process ${holder.pid} ` +
      `(${holder.command.slice(0, 120)}). Stop it, or set FIBER_NATS_PORT to another port.`,
  );
}

/** A server outlives a killed supervisor; two on one folder would ruin its streams. */
async function stopOrphan(folder: string, log: Logger): Promise<void> {
  const path = join(folder, "nats.pid");
  const pid = existsSync(path) ? Number(readFileSync(path, "utf8").trim()) : 0;
  if (!(pid > 0) || !(await isServerOf(pid, folder))) return;
  log.warn({ serverPid: pid }, "a nats-server of an earlier start still runs; stopping it");
  process.kill(pid, "SIGTERM");
  for (const end = Date.now() + STOP_MS; Date.now() < end; await sleep(POLL_MS)) {
    if (!(await isServerOf(pid, folder))) return;
  }
  process.kill(pid, "SIGKILL");
  while (await isServerOf(pid, folder)) await sleep(POLL_MS);
}

async function isServerOf(pid: number, folder: string): Promise<boolean> {
  const { stdout } = await runCommand(["ps", "-ww", "-o", "stat=,command=", "-p", String(pid)]);
  return !stdout.startsWith("Z") && stdout.includes(join(folder, "nats.conf"));
}

async function stopChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(forced);
}

function unusable(message: string): FiberError {
  return new FiberError("NATS_SERVER_UNUSABLE", message);
}
