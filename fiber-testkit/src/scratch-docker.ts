import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A Docker engine of the test's own, which it may kill. */
export interface ScratchDocker {
  /** Leads docker and docker-compose to this engine. */
  readonly env: { readonly DOCKER_HOST: string };
  /** Starts the engine when it does not run, and with it the containers that it should run. */
  start(): Promise<void>;
  /** Ends engine and containers at once, as a machine that loses its power does. */
  kill(): Promise<void>;
  /** Takes an image over from the machine's engine. */
  load(image: string): void;
  remove(): Promise<void>;
}

/**
 * Whether this machine can run an engine of a test's own: as root, with dockerd installed. Said
 * loudly when not, and an error where skips are forbidden (FIBER_FORBID_SKIPS=1, as in CI).
 *
 * @throws Error when it cannot and skips are forbidden
 */
export function canHaveScratchDocker(): boolean {
  const missing =
    process.getuid?.() === 0
      ? hasDockerd()
        ? null
        : "dockerd or ip is not installed"
      : "not root";
  if (missing === null) return true;
  const message = `${missing}: tests that kill a Docker engine cannot run.`;
  if (process.env.FIBER_FORBID_SKIPS === "1") throw new Error(message);
  console.warn(`\n!!! SKIPPED: ${message}\n`);
  return false;
}

/** Makes an engine whose containers use the host's network: its own bridge leads nowhere. */
export function createScratchDocker(): ScratchDocker {
  // Not in the temporary folder: that may be a tmpfs, on which images cannot be layered.
  const root = mkdtempSync("/var/tmp/fiber-docker-");
  const host = `unix://${join(root, "docker.sock")}`;
  const env = { DOCKER_HOST: host };
  const bridge = `fiber${process.pid % 1_000_000}`;
  const log = openSync(join(root, "dockerd.log"), "a");
  let engine: ChildProcess | null = null;

  const answers = () => {
    try {
      execFileSync("docker", ["version"], { env: { ...process.env, ...env }, stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  const kill = async () => {
    engine?.kill("SIGKILL");
    if (engine !== null && engine.exitCode === null && engine.signalCode === null) {
      await once(engine, "exit");
    }
    engine = null;
    for (let left = processesOf(root); left.length > 0; left = processesOf(root)) {
      for (const pid of left) killNow(pid);
      await sleep(50);
    }
    // Machines keep these in memory: pids of processes that are gone would be believed.
    unmountBelow(join(root, "exec"));
    rmSync(join(root, "exec"), { recursive: true, force: true });
    rmSync(join(root, "docker.pid"), { force: true });
  };
  return {
    env,
    async start() {
      if (engine !== null) return;
      const folders = ["--data-root", join(root, "data"), "--exec-root", join(root, "exec")];
      const where = ["--host", host, "--pidfile", join(root, "docker.pid")];
      // A bridge of its own: with none, dockerd would remove docker0 under the machine's engine.
      addBridge(bridge);
      const plain = ["--bridge", bridge, "--iptables=false", "--ip6tables=false"];
      engine = spawn("dockerd", [...folders, ...where, ...plain], {
        stdio: ["ignore", log, log],
        detached: true,
      });
      for (let tries = 0; !answers(); tries++) {
        if (tries > 300 || engine.exitCode !== null) {
          throw new Error(`dockerd did not start:\n${tail(join(root, "dockerd.log"))}`);
        }
        await sleep(200);
      }
    },
    kill,
    load(image) {
      const command = `docker save ${image} | DOCKER_HOST=${host} docker load`;
      execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit"] });
    },
    async remove() {
      await kill();
      ip("link", "delete", bridge);
      unmountBelow(root);
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** An address of the range for benchmarks (RFC 2544), which no test of ours measures. */
function addBridge(name: string): void {
  try {
    execFileSync("ip", ["link", "show", name], { stdio: "ignore" });
  } catch {
    ip("link", "add", name, "type", "bridge");
    ip("address", "add", "198.18.77.1/24", "dev", name);
    ip("link", "set", name, "up");
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

function hasDockerd(): boolean {
  try {
    execFileSync("dockerd", ["--version"], { stdio: "ignore" });
    execFileSync("ip", ["-Version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The engine's helpers, and the containers that they watch over. */
function processesOf(root: string): readonly number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const helpers = all.filter((pid) => read(`/proc/${pid}/cmdline`).includes(join(root, "exec")));
  const contained = all.filter((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    const [state, parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state !== "Z" && helpers.includes(parent);
  });
  return [...new Set([...helpers, ...contained])].map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It ended meanwhile.
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
  }
}

/** What a killed engine left mounted keeps its folder from being removed. */
function unmountBelow(root: string): void {
  const mounts = read("/proc/self/mounts")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((at) => at.startsWith(`${root}/`));
  for (const at of mounts.reverse()) execFileSync("umount", ["--lazy", at]);
}

function tail(path: string): string {
  return read(path).split("\n").slice(-20).join("\n");
}
