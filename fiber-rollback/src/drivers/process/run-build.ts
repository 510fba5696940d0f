import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { FiberError } from "#contracts";
import { DISK_REMEDY } from "../../run-tool.js";
import type { BuildProgress } from "../deploy-driver.js";
import { killDescendants } from "./kill-descendants.js";

/** A build that takes longer hangs. */
const BUILD_TIMEOUT_MS = 30 * 60_000;
const TAIL_LINES = 8;

/** Where and for whom the commands of a build run. */
interface BuildPlace {
  readonly folder: string;
  readonly tag: string;
  /** File that keeps the output of every command. */
  readonly log: string;
  readonly progress: BuildProgress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs the shell commands of `build` in order, in our own process group, so that a kill of the
 * group ends them too. npm takes from its cache what is there.
 *
 * @throws FiberError BUILD_FAILED naming command and log, DISK_FULL, STOPPED
 */
export async function runBuild(commands: readonly string[], place: BuildPlace): Promise<void> {
  const log = createWriteStream(place.log);
  try {
    await once(log, "open");
    const timeout = AbortSignal.timeout(BUILD_TIMEOUT_MS);
    const signal = place.signal ? AbortSignal.any([place.signal, timeout]) : timeout;
    for (const command of commands) await runOne(command, { ...place, signal }, log);
  } finally {
    log.end();
    await finished(log);
  }
}

async function runOne(command: string, place: BuildPlace, log: WriteStream): Promise<void> {
  place.progress({ phase: command, line: null });
  log.write(`$ ${command}\n`);
  const child = spawn("sh", ["-c", command], {
    cwd: place.folder,
    env: buildEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail: string[] = [];
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      log.write(`${line}\n`);
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      if (line.trim() !== "") place.progress({ phase: command, line: line.trim() });
    }
  };
  const kill = () => {
    if (child.pid === undefined) return;
    killDescendants(child.pid);
    child.kill("SIGKILL");
  };
  if (place.signal?.aborted) kill();
  place.signal?.addEventListener("abort", kill, { once: true });
  try {
    const [[exitCode]] = await Promise.all([
      once(child, "close") as Promise<[number | null]>,
      read(child.stdout),
      read(child.stderr),
    ]);
    if (exitCode !== 0) throw buildError(command, exitCode, tail, place);
  } finally {
    place.signal?.removeEventListener("abort", kill);
  }
}

/** The environment without what belongs to the npm that started us, or leaves packages out. */
function buildEnv(): NodeJS.ProcessEnv {
  const unwanted =
    /^(NODE_ENV|INIT_CWD|npm_(lifecycle|package|command|execpath|node_execpath).*|npm_config_(omit|only|production|include|dev|dry_run|global|local_prefix|prefix))$/i;
  const env = Object.entries(process.env).filter(([name]) => !unwanted.test(name));
  return {
    ...Object.fromEntries(env),
    // The Node that runs us builds, and later runs, the release.
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
  };
}

function buildError(
  command: string,
  exitCode: number | null,
  tail: readonly string[],
  { tag, log, signal }: BuildPlace,
): FiberError {
  const words = tail.join("\n");
  if (signal?.aborted) {
    return new FiberError(
      "STOPPED",
      `The build of ${tag} was ended during \`${command}\`. See ${log}`,
    );
  }
  if (/No space left on device|ENOSPC|Disk quota exceeded/.test(words)) {
    return new FiberError("DISK_FULL", `The build of ${tag} ran out of disk space. ${DISK_REMEDY}`);
  }
  const how = exitCode === null ? "was killed" : `ended with ${exitCode}`;
  return new FiberError(
    "BUILD_FAILED",
    `${tag} cannot be built: \`${command}\` ${how}. Everything it printed: ${log}\n${words}`,
  );
}
