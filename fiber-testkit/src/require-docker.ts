import { execFileSync } from "node:child_process";

/** Containers whose names the contracts fix, so that one machine has at most one stack of them. */
const FIXED_NAMES = /^(fiber-(api|etl|db|queue|dashboard)|probe-(gh|ng|ke))$/;

/**
 * Whether tests on containers can run here, for `describe.skipIf(!requireDocker())`: an engine that
 * answers, and docker-compose. A missing one is said loudly, and is an error where skips are
 * forbidden (FIBER_FORBID_SKIPS=1, as in CI) and these are not left out (FIBER_LEAVE_OUT_CONTAINERS=1).
 *
 * @throws Error when it is missing and skips are forbidden
 */
export function requireDocker(): boolean {
  const missing = findMissing();
  if (missing === null) return true;
  const message = `${missing}: tests on containers cannot run.`;
  const leftOut = process.env.FIBER_LEAVE_OUT_CONTAINERS === "1";
  if (process.env.FIBER_FORBID_SKIPS === "1" && !leftOut) throw new Error(message);
  console.warn(`\n!!! SKIPPED: ${message}\n`);
  return false;
}

/**
 * @param project the test's own compose project, whose containers it may take down
 * @throws Error naming the containers of a stack that is not the test's
 */
export function refuseForeignContainers(project: string): void {
  const format = '{{.Names}}\t{{.Label "com.docker.compose.project"}}';
  const foreign = ask("docker", ["ps", "--all", "--format", format])
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([name = "", owner]) => FIXED_NAMES.test(name) && owner !== project);
  if (foreign.length === 0) return;
  const list = foreign.map(([name, owner]) => `${name} (project ${owner || "none"})`).join(", ");
  throw new Error(`This machine has a stack that is not the test's: ${list}. Take it down first.`);
}

function findMissing(): string | null {
  try {
    ask("docker", ["version", "--format", "{{.Server.Version}}"]);
  } catch {
    return "No Docker engine answers";
  }
  try {
    ask("docker-compose", ["version", "--short"]);
  } catch {
    return "docker-compose is not installed";
  }
  return null;
}

function ask(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 30_000,
  }).trim();
}
