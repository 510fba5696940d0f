import { z } from "zod";
import { FiberError } from "#contracts";

/**
 * Reads a role's configuration from the environment. All problems are reported together, each
 * naming its variable; values of secrets never appear in the message.
 *
 * @throws FiberError CONFIG_INVALID
 */
export function loadConfig<T extends z.ZodType>(
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): z.output<T> {
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `  ${issue.path.join(".") || "environment"}: ${issue.message}`,
  );
  throw new FiberError(
    "CONFIG_INVALID",
    `Configuration is not usable:\n${problems.join("\n")}\nMend these variables and start again.`,
  );
}

/** A TCP port from an environment variable; 0 lets the system choose. */
export const portVariable = z.coerce.number().int().min(0).max(65_535);

/** `true`, `1`, `yes` or `false`, `0`, `no` from an environment variable. */
export const booleanVariable = z
  .enum(["true", "1", "yes", "false", "0", "no"])
  .transform((value) => ["true", "1", "yes"].includes(value));
