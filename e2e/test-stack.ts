import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "#testkit";

/** The built command, as people start it. */
const FIBER = join(import.meta.dirname, "..", "bin", "fiber.mjs");

/** What a finished command did. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The parts of `fiber status --json` that tests look at. */
export interface Status {
  readonly phase: string;
  readonly pid: number;
  readonly database: { readonly pid: number; readonly pgpass_file: string } | null;
  readonly roles: readonly {
    readonly name: string;
    readonly state: string;
    readonly pid: number | null;
    readonly restarts: number;
  }[];
}

/** An installation of its own: temporary state folder, free ports. */
export interface TestStack {
  readonly stateDir: string;
  readonly ports: { readonly api: number; readonly dashboard: number; readonly pg: number };
  readonly apiUrl: string;
  readonly dashboardUrl: string;
  readonly env: NodeJS.ProcessEnv;
  /**
   * Starts `fiber up`, of the clone or of another installed command, and resolves when it says
   * that everything is ready.
   */
  up(command?: string, ...flags: readonly string[]): Promise<ChildProcess>;
  /** Runs another `fiber` command of this installation to its end. */
  fiber(...args: string[]): Promise<Finished>;
  status(): Promise<Status>;
  /** Processes of this installation that live; each as "pid command". */
  processes(): string[];
  /** A text of everything that `fiber up` printed. */
  output(): string;
  /** Ends everything, whatever state it is in, and removes the state folder. */
  cleanUp(): Promise<void>;
}

/** Makes an installation; nothing runs yet. */
export async function createTestStack(more: NodeJS.ProcessEnv = {}): Promise<TestStack> {
  if (!existsSync(join(import.meta.dirname, "..", "dist"))) {
    throw new Error("dist is missing: end-to-end tests start the built product (npm run build)");
  }
  const stateDir = mkdtempSync(join(tmpdir(), "fiber-e2e-"));
  const ports = { api: await freePort(), dashboard: await freePort(), pg: await freePort() };
  const env = stackEnvironment(stateDir, ports, more);
  const children: ChildProcess[] = [];
  let printed = "";

  const fiber = (...args: string[]) => run(process.execPath, [FIBER, ...args], { env });
  const stack: TestStack = {
    stateDir,
    ports,
    env,
    apiUrl: `http://127.0.0.1:${ports.api}`,
    dashboardUrl: `http://127.0.0.1:${ports.dashboard}`,
    fiber,
    output: () => printed,
    processes: () => processesWith(`FIBER_STATE_DIR=${stateDir}`, stateDir),
    async up(command = FIBER, ...flags) {
      const child = spawn(process.execPath, [command, "up", "--json", ...flags], {
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.push(child);
      const collect = (chunk: Buffer) => {
        printed += chunk.toString();
      };
      child.stderr.on("data", collect);
      await new Promise<void>((resolve, reject) => {
        child.stdout.on("data", (chunk: Buffer) => {
          collect(chunk);
          resolve();
        });
        child.once("exit", (code) => reject(new Error(`fiber up ended with ${code}:\n${printed}`)));
      });
      return child;
    },
    async status() {
      const { stdout, stderr } = await fiber("status", "--json");
      if (stdout === "") throw new Error(`fiber status printed nothing: ${stderr}`);
      return JSON.parse(stdout) as Status;
    },
    async cleanUp() {
      for (const child of children) await endChild(child);
      await fiber("down");
      for (const line of stack.processes()) kill(Number(line.split(" ")[0]));
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
  return stack;
}

/** Runs a command to its end; one that hangs is killed after `timeoutMs`, by default two minutes. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly uid?: number;
    readonly timeoutMs?: number;
  } = {},
): Promise<Finished> {
  const { timeoutMs = 120_000, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...rest,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Waits until `look` returns something; its last error or a time-out ends the wait. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false | null>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const found = await look();
      if (found) return found;
      last = undefined;
    } catch (err) {
      last = err;
    }
    await sleep(200);
  }
  throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause: last });
}

/** The entries of GET /api/metrics; fails unless the answer is 200 and an array. */
export async function readMetrics(apiUrl: string): Promise<readonly { node_id: string }[]> {
  const answer = await fetch(`${apiUrl}/api/metrics`);
  const body: unknown = await answer.json();
  if (answer.status !== 200 || !Array.isArray(body)) {
    throw new Error(`GET /api/metrics: ${answer.status} ${JSON.stringify(body)}`);
  }
  return body as { node_id: string }[];
}

/** Whether somebody accepts connections on a port of 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Whether a process lives; one that only waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
  } catch {
    return false;
  }
}

function stackEnvironment(
  stateDir: string,
  ports: TestStack["ports"],
  more: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FIBER_|VITEST)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    NODE_ENV: "production",
    NO_COLOR: "1",
    FIBER_STATE_DIR: stateDir,
    FIBER_API_PORT: String(ports.api),
    FIBER_DASHBOARD_PORT: String(ports.dashboard),
    FIBER_PG_PORT: String(ports.pg),
    ...more,
  };
}

function processesWith(variable: string, folder: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid || !isAlive(Number(pid))) return [];
    try {
      const ours =
        readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(variable) ||
        readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return ours ? [`${pid} ${command}`] : [];
    } catch {
      return []; // ended meanwhile, or somebody else's
    }
  });
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  await ended;
  clearTimeout(timer);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
  }
}
