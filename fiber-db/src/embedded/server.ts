import { chown, open, readFile, rename, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FiberError } from "#contracts";
import { mustRun, portHolder, runCommand } from "#runtime";
import { asOwner, type Cluster } from "./cluster.js";
import { exists, isAlive, postgresProcessesIn, worksIn } from "./processes.js";

const START_TIMEOUT_S = 60;
const STOP_TIMEOUT_S = 60;
const EXIT_WAIT_MS = 10_000;
const LEFTOVER_WAIT_MS = 10_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/** A server that runs on our data folder. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
}

/** What `postmaster.pid` says; null when the text is torn or no such file. */
export function parsePidFile(text: string): RunningServer | null {
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  return Number.isInteger(pid) && pid > 0 && Number.isInteger(port) && port > 0
    ? { pid, port }
    : null;
}

/** The server that runs on the cluster's data, however it was started; null when none does. */
export async function runningServer(cluster: Cluster): Promise<RunningServer | null> {
  const text = await readFile(join(cluster.data, "postmaster.pid"), "utf8").catch(() => "");
  const server = parsePidFile(text);
  if (server === null || !isAlive(server.pid)) return null;
  return (await worksIn(server.pid, cluster.data)) ? server : null;
}

/**
 * Starts the server and waits until it accepts connections.
 *
 * @throws FiberError PORT_TAKEN, or POSTGRES_START_FAILED with the end of the server's log
 */
export async function startServer(cluster: Cluster, port: number): Promise<RunningServer> {
  await clearStalePidFile(cluster);
  await refuseTakenPort(port);
  const logFile = await openLog(cluster);
  const started = await runCommand(
    [
      pgCtl(cluster),
      "start",
      "-w",
      "-s",
      "-t",
      String(START_TIMEOUT_S),
      "-D",
      cluster.data,
      "-l",
      logFile.path,
      "-o",
      `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`,
    ],
    asOwner(cluster.owner, cluster.folder),
  );
  const server = await runningServer(cluster);
  if (started.exitCode === 0 && server !== null) return server;
  await refuseTakenPort(port);
  throw new FiberError(
    "POSTGRES_START_FAILED",
    `PostgreSQL did not start on ${cluster.data}. ${started.stderr}\n` +
      `The end of ${logFile.path}:\n${await tail(logFile)}`,
  );
}

/**
 * Stops the server and waits for it: fast (sessions are ended, everything is written), and
 * immediately (it recovers at its next start) when that takes longer than a minute.
 */
export async function stopServer(cluster: Cluster): Promise<void> {
  const server = await runningServer(cluster);
  if (server === null) return;
  const stop = (mode: string) =>
    [
      pgCtl(cluster),
      "stop",
      "-w",
      "-s",
      "-D",
      cluster.data,
      "-m",
      mode,
      "-t",
      String(STOP_TIMEOUT_S),
    ] as const;
  const as = asOwner(cluster.owner, cluster.folder);
  const fast = await runCommand(stop("fast"), as);
  if (fast.exitCode !== 0 && (await runningServer(cluster)) !== null) {
    cluster.log.warn({ stderr: fast.stderr }, "PostgreSQL did not stop in time, stopping it hard");
    await mustRun(stop("immediate"), as);
  }
  // pg_ctl waits for the pid file to go, which is a moment before the process does.
  const deadline = Date.now() + EXIT_WAIT_MS;
  while (isAlive(server.pid) && Date.now() < deadline) await sleep(10);
}

/**
 * @throws FiberError PORT_TAKEN naming the holder
 */
async function refuseTakenPort(port: number): Promise<void> {
  if (!(await isTaken(port))) return;
  const holder = await portHolder(port);
  const who =
    holder === null
      ? "a process of another user (see it with: ss -ltnp, as root)"
      : `process ${holder.pid} (${holder.command})`;
  throw new FiberError(
    "PORT_TAKEN",
    `Port ${port}, where PostgreSQL should listen, is held by ${who}. Stop it, or choose another ` +
      "port with FIBER_PG_PORT.",
  );
}

function pgCtl(cluster: Cluster): string {
  return join(cluster.binaries.folder, "bin", "pg_ctl");
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "EADDRINUSE") resolve(true);
      else reject(cause);
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      probe.close(() => resolve(false)),
    );
  });
}

/**
 * PostgreSQL takes a number in its pid file that now belongs to somebody else for a running
 * server. Such a file is removed, but only once no process of the old server is left: two servers
 * on one folder destroy it.
 */
async function clearStalePidFile(cluster: Cluster): Promise<void> {
  await waitForLeftovers(cluster);
  const path = join(cluster.data, "postmaster.pid");
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return;
  const pid = Number(text.split("\n")[0]);
  if (Number.isInteger(pid) && pid > 0 && !exists(pid)) return;
  await rm(path, { force: true });
  cluster.log.warn({ stalePid: pid, path }, "stale pid file removed");
}

async function waitForLeftovers(cluster: Cluster): Promise<void> {
  const deadline = Date.now() + LEFTOVER_WAIT_MS;
  for (;;) {
    const pids = await postgresProcessesIn(cluster.data);
    if (pids.length === 0) return;
    if (Date.now() > deadline) {
      cluster.log.warn({ pids }, "ending sessions that outlived their server");
      for (const pid of pids) process.kill(pid, "SIGKILL");
      return;
    }
    await sleep(100);
  }
}

/** The server's log, and where this start's part begins in it. */
async function openLog(cluster: Cluster): Promise<{ path: string; from: number }> {
  const path = join(cluster.folder, "server.log");
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`);
  const file = await open(path, "a", 0o600);
  await file.close();
  if (cluster.owner.switched) await chown(path, cluster.owner.uid, cluster.owner.gid);
  return { path, from: size > LOG_LIMIT_BYTES ? 0 : size };
}

async function tail(log: { path: string; from: number }): Promise<string> {
  const text = await readFile(log.path);
  return text.subarray(log.from).toString("utf8").trim().split("\n").slice(-10).join("\n");
}
