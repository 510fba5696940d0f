import { z } from "zod";

const time = z.string();
const ok = <T extends z.ZodType>(data: T) => z.object({ status: z.literal("ok"), data });

/** One entry of GET /api/releases, newest first. */
export const releaseViewSchema = z
  .object({
    tag: z.string(),
    status: z.enum(["candidate", "live", "good", "bad"]),
    running: z.boolean(),
    last_known_good: z
      .boolean()
      .describe("a rollback without a tag would go to it, were something else running"),
    artefact_present: z.boolean().describe("what it was built into is there"),
    commit: z.string(),
    signature: z.enum(["good", "bad", "unsigned", "unknown-key"]),
    signer: z.string().nullable(),
    migration: z.string().nullable().describe("the newest migration in its tree"),
    backups: z.int().describe("dumps that hold its data"),
    created_at: time,
    live_at: time.nullable(),
    judged_at: time.nullable(),
    why: z.string().nullable(),
  })
  .meta({ id: "Release" });

/** See {@link releaseViewSchema}. */
export type ReleaseView = z.infer<typeof releaseViewSchema>;

/** One step of a run. */
export const runStepViewSchema = z
  .object({
    id: z.string(),
    title: z.string(),
    state: z.enum(["waiting", "running", "done", "failed", "undone", "interrupted", "skipped"]),
    started_at: time.nullable(),
    duration_ms: z.number().nullable(),
    detail: z.record(z.string(), z.unknown()).nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: "RunStep" });

/** See {@link runStepViewSchema}. */
export type RunStepView = z.infer<typeof runStepViewSchema>;

/** One entry of GET /api/runs, newest first. */
export const runSummarySchema = z
  .object({
    id: z.string(),
    kind: z.enum(["deploy", "rollback", "undo"]),
    state: z.enum(["running", "interrupted", "done", "failed", "aborted", "taken-back"]),
    resumable: z.boolean(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    level: z.enum(["code", "schema", "data"]),
    operator: z.string(),
    reason: z.string().nullable(),
    started_at: time,
    ended_at: time.nullable(),
    duration_ms: z.number(),
    outcome: z.string().nullable(),
    step: z.string().nullable().describe("title of the step that runs or failed last"),
  })
  .meta({ id: "RunSummary" });

/** See {@link runSummarySchema}. */
export type RunSummary = z.infer<typeof runSummarySchema>;

/** GET /api/runs/{id}: a run with its steps, and how it was taken back. */
export const runViewSchema = runSummarySchema
  .extend({
    host: z.string(),
    why: z.string().describe("why this level"),
    loss: z.string().describe("what it loses, in a sentence"),
    estimate_ms: z.number(),
    point_of_no_return: z.string().nullable(),
    warnings: z.array(z.string()),
    steps: z.array(runStepViewSchema),
    taken_back_by: z
      .object({ why: z.string(), level: z.string(), steps: z.array(runStepViewSchema) })
      .nullable(),
  })
  .meta({ id: "Run" });

/** See {@link runViewSchema}. */
export type RunView = z.infer<typeof runViewSchema>;

/** GET /api/readiness: can it be rolled back right now? */
export const readinessViewSchema = z
  .object({
    light: z.enum(["green", "amber", "red"]),
    summary: z.string(),
    checked_at: time,
    items: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        light: z.enum(["green", "amber", "red"]),
        reason: z.string(),
        remedy: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "Readiness" });

/** See {@link readinessViewSchema}. */
export type ReadinessView = z.infer<typeof readinessViewSchema>;

/** GET /api/releases. */
export const releaseListSchema = ok(z.array(releaseViewSchema));

/** GET /api/runs. */
export const runListSchema = ok(z.array(runSummarySchema));

/** GET /api/runs/{id}. */
export const runAnswerSchema = ok(runViewSchema);

/** GET /api/readiness. */
export const readinessAnswerSchema = ok(readinessViewSchema);

/**
 * Events of GET /api/runs/live by their `event:` name. `run` is told at the start for each run that
 * is not over, and then whenever one comes further; `unreadable` for one that cannot be read here.
 */
export const runEventSchemas = {
  hello: z.object({ time: z.string() }),
  run: runViewSchema,
  unreadable: z.object({ id: z.string(), code: z.string(), message: z.string() }),
} as const;
