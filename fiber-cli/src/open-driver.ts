import { z } from "zod";
import { createComposeDriver, createProcessDriver, type DeployDriver, type Git } from "#rollback";
import { loadConfig } from "#runtime";

const schema = z.object({ FIBER_DRIVER: z.enum(["process", "compose"]).default("process") });

/**
 * The driver of this installation: `FIBER_DRIVER`, process by default (docs/decisions/0013). The
 * same commit is released by processes on one machine and on containers on another, so the
 * installation says it, and fiber.yaml only says how.
 */
export function openDriver(about: {
  readonly stateDir: string;
  readonly git: Git;
  /** The supervisor's socket. */
  readonly socket?: string;
  readonly signal?: AbortSignal;
}): DeployDriver {
  const { FIBER_DRIVER } = loadConfig(schema, process.env);
  if (FIBER_DRIVER === "process") return createProcessDriver(about);
  const { socket: _, ...rest } = about;
  return createComposeDriver(rest);
}
