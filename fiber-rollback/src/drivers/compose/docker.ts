import { FiberError } from "#contracts";
import { type CommandResult, runCommand } from "#runtime";

/** Docker's command line with one engine. */
export interface Docker {
  /**
   * Runs `docker …` and returns what it printed.
   *
   * @throws FiberError ENGINE_UNREACHABLE, CONTAINER_FAILED
   */
  must(...args: readonly string[]): Promise<string>;
  /** Runs `docker …`; a failing command is a value. @throws FiberError ENGINE_UNREACHABLE */
  try(...args: readonly string[]): Promise<CommandResult>;
  /**
   * Runs `docker-compose …`, or `docker compose …` where only that is installed.
   *
   * @throws FiberError ENGINE_UNREACHABLE, COMPOSE_MISSING, CONTAINER_FAILED
   */
  compose(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void>;
  /** Whether the engine answers. */
  answers(): Promise<boolean>;
}

/** An engine that says nothing for this long hangs. */
const ASK_MS = 60_000;
/** Starting services may wait for images that are loaded, and for others to be healthy. */
const COMPOSE_MS = 10 * 60_000;
const AWAY =
  /Cannot connect to the Docker daemon|Couldn't connect to Docker daemon|error during connect|docker daemon is not running|Connection refused|connection reset by peer|Connection aborted|unexpected EOF|Is the docker daemon running/i;
/** The path of every request to a registry: it is the engine that says so, and that answers. */
const REGISTRY = /\/v2\//;
const NOT_FETCHED =
  /\/v2\/|pull access denied|manifest .*(unknown|not found)|no such image|repository .* not found/i;

/**
 * @param env variables beside our own, such as DOCKER_HOST
 */
export function createDocker(env: Readonly<Record<string, string>> = {}): Docker {
  let composeProgram: Promise<readonly [string, ...string[]]> | null = null;

  const attempt: Docker["try"] = async (...args) => {
    const result = await runCommand(["docker", ...args], { env, timeoutMs: ASK_MS });
    if (result.exitCode !== 0) refuseAway(result);
    return result;
  };
  return {
    try: attempt,
    async must(...args) {
      const result = await attempt(...args);
      if (result.exitCode === 0) return result.stdout;
      throw failed(result);
    },
    async compose(args, more) {
      composeProgram ??= findCompose(env);
      const options = { env: { ...env, ...more }, timeoutMs: COMPOSE_MS };
      const result = await runCommand([...(await composeProgram), ...args], options);
      if (result.exitCode === 0) return;
      refuseAway(result);
      throw failed(result);
    },
    async answers() {
      const asked = await runCommand(["docker", "version", "--format", "{{.Server.Version}}"], {
        env,
        timeoutMs: ASK_MS,
      });
      return asked.exitCode === 0;
    },
  };
}

async function findCompose(
  env: Readonly<Record<string, string>>,
): Promise<readonly [string, ...string[]]> {
  const candidates = [["docker-compose"], ["docker", "compose"]] as const;
  for (const candidate of candidates) {
    const { exitCode } = await runCommand([...candidate, "version"], { env, timeoutMs: ASK_MS });
    if (exitCode === 0) return candidate;
  }
  throw new FiberError(
    "COMPOSE_MISSING",
    "Neither docker-compose nor docker compose is installed. Install one (Debian: apt-get install " +
      "docker-compose) and try again.",
  );
}

function refuseAway(result: CommandResult): void {
  const missing = result.startError === "ENOENT";
  const away = result.stderr.split("\n").find((line) => AWAY.test(line) && !REGISTRY.test(line));
  if (!missing && !result.timedOut && away === undefined) return;
  const why = missing
    ? "docker is not installed"
    : result.timedOut
      ? "it does not answer in time"
      : (away ?? result.stderr);
  throw new FiberError(
    "ENGINE_UNREACHABLE",
    `The Docker engine cannot be reached: ${why.trim().replace(/[.?]+$/, "")}. Start it, then go on: fiber rollback resume`,
  );
}

function failed({ command, exitCode, stdout, stderr }: CommandResult): FiberError {
  const tail = (stderr || stdout).split("\n").slice(-8).join("\n");
  return new FiberError(
    "CONTAINER_FAILED",
    `${command.join(" ")} ended with ${exitCode ?? "a signal"}:\n${tail}${imageRemedy(tail)}`,
  );
}

/** What to do when docker's words say that an image could not be fetched; empty when they do not. */
export function imageRemedy(words: string): string {
  if (!NOT_FETCHED.test(words)) return "";
  return (
    "\nAn image is not on this machine and cannot be fetched. See that its name is right and its " +
    "registry answers (docker pull IMAGE), or bring it here (docker load), then try again."
  );
}
