import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { FiberError } from "#contracts";
import type { Docker } from "./docker.js";

/** Put on every image that the driver builds; its containers carry them too. */
export const RELEASE_LABEL = "org.fiberstack.release";
export const COMMIT_LABEL = "org.fiberstack.commit";

/** A container of the project. */
export interface Container {
  readonly id: string;
  readonly service: string;
  /** Id of the image that it was made from. */
  readonly image: string;
  /** The release of that image; null for others than ours. */
  readonly release: string | null;
  readonly status: "created" | "running" | "restarting" | "paused" | "exited" | "dead" | "removing";
  /** What its health check says; null without one. */
  readonly health: "starting" | "healthy" | "unhealthy" | null;
  /** What its last health check printed. */
  readonly checked: string;
  readonly pid: number | null;
  /** How often the engine started it again. */
  readonly restarts: number;
  readonly exitCode: number;
  readonly startedMs: number;
}

const inspectedSchema = z.array(
  z.object({
    Id: z.string(),
    Image: z.string(),
    RestartCount: z.number().default(0),
    Config: z.object({ Labels: z.record(z.string(), z.string()).nullable() }),
    State: z.object({
      Status: z.enum(["created", "running", "restarting", "paused", "exited", "dead", "removing"]),
      Pid: z.number(),
      ExitCode: z.number(),
      StartedAt: z.string(),
      Health: z
        .object({
          Status: z.string(),
          Log: z.array(z.object({ Output: z.string() })).nullish(),
        })
        .optional(),
    }),
  }),
);

/** Every container of a compose project, whatever its state. */
export async function listContainers(
  docker: Docker,
  project: string,
): Promise<readonly Container[]> {
  const filter = `label=com.docker.compose.project=${project}`;
  const listed = await docker.must("ps", "--all", "--quiet", "--no-trunc", "--filter", filter);
  const ids = listed.split("\n").filter((id) => id !== "");
  if (ids.length === 0) return [];
  const { stdout } = await docker.try("inspect", "--type", "container", ...ids);
  // One that was removed meanwhile is left out of the answer, and is an error of the command.
  return inspectedSchema.parse(JSON.parse(stdout || "[]")).map((found) => {
    const labels = found.Config.Labels ?? {};
    const { Status, Pid, ExitCode, StartedAt, Health } = found.State;
    return {
      id: found.Id,
      service: labels["com.docker.compose.service"] ?? "",
      image: found.Image,
      release: labels[RELEASE_LABEL] ?? null,
      status: Status,
      health: healthOf(Health?.Status),
      checked: Health?.Log?.at(-1)?.Output.trim() ?? "",
      pid: Pid > 0 ? Pid : null,
      restarts: found.RestartCount,
      exitCode: ExitCode,
      startedMs: Date.parse(StartedAt),
    };
  });
}

/** Which services to wait for, and for how long. */
export interface Awaited {
  readonly project: string;
  /** Services with the time that each may take, ms. */
  readonly services: ReadonlyMap<string, number>;
}

const LOOK_MS = 200;
/** A service without a health check counts as started when it has run this long. */
const STEADY_MS = 1_500;

/**
 * Waits until services serve: healthy by their own check, or steadily running where they have none.
 *
 * @throws FiberError SWITCH_FAILED naming the service, what became of it, and its last words
 */
export async function awaitServices(docker: Docker, awaited: Awaited): Promise<void> {
  const begunMs = Date.now();
  for (;;) {
    const containers = await listContainers(docker, awaited.project);
    const open: string[] = [];
    for (const [service, withinMs] of awaited.services) {
      const found = containers.find((one) => one.service === service);
      const verdict = judge(found);
      if (verdict === "serves") continue;
      const late = Date.now() - begunMs > withinMs;
      if (verdict !== "starts" || late) {
        const what = verdict === "starts" ? `is not ready after ${withinMs / 1_000} s` : verdict;
        throw await failedService(docker, service, what, found);
      }
      open.push(service);
    }
    if (open.length === 0) return;
    await sleep(LOOK_MS);
  }
}

/** "serves", "starts", or in words what went wrong. */
function judge(found: Container | undefined): string {
  if (found === undefined) return "has no container";
  const { status, health, restarts, exitCode, startedMs } = found;
  if (status === "exited" || status === "dead") return `ended with ${exitCode}`;
  if (status === "restarting") return `ended with ${exitCode} and is started again`;
  // Its exit code is gone by now: the engine says 0 of whatever runs.
  if (restarts > 0) return "ended and was started again";
  if (health === "unhealthy") return "is unhealthy";
  if (status !== "running") return "starts";
  if (health !== null) return health === "healthy" ? "serves" : "starts";
  return Date.now() - startedMs >= STEADY_MS ? "serves" : "starts";
}

async function failedService(
  docker: Docker,
  service: string,
  what: string,
  found: Container | undefined,
): Promise<FiberError> {
  const said =
    found === undefined
      ? null
      : await docker.try("logs", "--tail", "12", found.id).catch(() => null);
  const words = said === null ? "" : `\n${`${said.stdout}\n${said.stderr}`.trim()}`;
  const checked = found?.checked ? ` Its health check says: ${found.checked}` : "";
  return new FiberError("SWITCH_FAILED", `${service} ${what}.${checked}${words}`);
}

function healthOf(text: string | undefined): Container["health"] {
  return text === "starting" || text === "healthy" || text === "unhealthy" ? text : null;
}
