import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { FiberError } from "#contracts";
import { notifySpecSchema } from "../notify/notify-spec.js";
import { verifySpecSchema } from "../verify/verify-spec.js";
import { composeSpecSchema } from "./compose-spec.js";
import { roleEntriesSchema } from "./role-entry.js";

const commandLine = z.string().min(1);
const id = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "use lower case, digits and hyphens");

const gateSchema = z.strictObject({
  id,
  title: z.string().min(1),
  /** A shell command run at the root of the commit's tree; exit 0 passes, 125 cannot be judged. */
  run: commandLine,
  timeout_s: z.int().min(1).max(7_200).default(1_800),
});

/** One gate: a command that a commit must pass before it is released. */
export type Gate = z.output<typeof gateSchema>;

/** `fiber.yaml` as it is written; docs/fiber-yaml.md names every key. */
export const projectSchema = z.strictObject({
  format: z.literal(1),
  name: z.string().min(1),
  branch: z.string().default("release/mvp"),
  remote: z.string().default("origin"),
  /** Shell commands that turn a checked-out tag into something that starts, run at its root. */
  build: z.array(commandLine).default([]),
  /** Folder of migrations within the tree, null for a project without a database. */
  migrations: z.string().nullable().default(null),
  gates: z
    .array(gateSchema)
    .default([])
    .refine((gates) => new Set(gates.map((gate) => gate.id)).size === gates.length, {
      message: "two gates share an id",
    }),
  /** What runs, in the order in which it is started and switched. */
  roles: roleEntriesSchema.default([]),
  /**
   * A shell command at the root of a release's tree that fails when the release cannot work with
   * the schema of the database in FIBER_DATABASE_URL; null when nobody can tell.
   */
  smoke: commandLine.nullable().default(null),
  compose: composeSpecSchema.nullable().default(null),
  verify: verifySpecSchema.default([]),
  notify: notifySpecSchema.prefault({}),
  backup: z
    .strictObject({
      /** A backup is taken before each deploy; false for a project that keeps no data. */
      before_deploy: z.boolean().default(true),
      /** How old the newest proven backup may be before fiber ready is red, in hours. */
      proven_within_h: z.number().positive().max(8_784).default(26),
    })
    .prefault({}),
  contacts: z.array(z.strictObject({ role: z.string(), contact: z.string() })).default([]),
});

/** What `fiber.yaml` says about a project. */
export type Project = z.output<typeof projectSchema>;

/**
 * Reads `fiber.yaml` at the root of a tree.
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID naming every problem
 */
export function readProject(root: string): Project {
  const path = join(root, "fiber.yaml");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new FiberError(
      "PROJECT_FILE_MISSING",
      `${path} cannot be read: it says what is released and how. See docs/fiber-yaml.md.`,
      { cause },
    );
  }
  return parseProject(text, path);
}

/**
 * Reads the text of a `fiber.yaml`.
 *
 * @param origin where it was read, for messages
 * @throws FiberError PROJECT_FILE_INVALID naming every problem
 */
export function parseProject(text: string, origin: string): Project {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20 });
  } catch (cause) {
    throw invalid(origin, [(cause as Error).message.split("\n")[0] ?? ""], cause);
  }
  const result = projectSchema.safeParse(value ?? {});
  if (result.success) return result.data;
  throw invalid(
    origin,
    result.error.issues.map((issue) => `${issue.path.join(".") || "file"}: ${issue.message}`),
  );
}

function invalid(path: string, problems: readonly string[], cause?: unknown): FiberError {
  const list = problems.map((problem) => `  ${problem}`).join("\n");
  return new FiberError("PROJECT_FILE_INVALID", `${path} is not usable:\n${list}`, { cause });
}
