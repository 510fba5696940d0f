import { z } from "zod";

/** The format of plans that this code writes; newer ones are refused by name. */
export const RUN_FORMAT = 1;

/** What a run is for. */
export const RUN_KINDS = ["deploy", "rollback", "undo"] as const;

/** See {@link RUN_KINDS}. */
export type RunKind = (typeof RUN_KINDS)[number];

const stepSchema = z
  .object({
    id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
    title: z.string(),
    kind: z.enum(["reversible", "compensable", "pivot"]),
    /** Commands as they are shown, secrets redacted; empty where the step runs none. */
    commands: z.array(z.array(z.string()).readonly()).readonly(),
    /** What the step can lose, in words; null for nothing. */
    loses: z.string().nullable(),
  })
  .readonly();

/** One step as it was planned and shown. */
export type PlannedStep = z.output<typeof stepSchema>;

const lossSchema = z
  .object({
    /** The whole loss in one sentence, for people. */
    statement: z.string(),
    tables: z
      .array(
        z
          .object({
            table: z.string(),
            rows: z.number(),
            fate: z.enum(["lost", "carried", "replayed", "restored"]),
            how: z.string(),
          })
          .readonly(),
      )
      .readonly(),
    /** Minutes of samples that do not come back; null where none are touched. */
    sampleMinutes: z.number().nullable(),
  })
  .readonly();

/** What a run loses, table by table. */
export type PlannedRunLoss = z.output<typeof lossSchema>;

/** A run as it was planned, shown, agreed to and stored in `<state>/runs/<id>/plan.json`. */
export const runPlanSchema = z
  .object({
    format: z.literal(RUN_FORMAT),
    /** Made by `newRunId`: UTC time and kind, such as 20261122T101500Z-deploy. */
    id: z.string().regex(/^[0-9A-Za-z-]{1,64}$/),
    kind: z.enum(RUN_KINDS),
    /** The engine that made the plan and that alone runs it: see `engineVersion`. */
    engine: z.string(),
    /** ISO 8601. */
    createdAt: z.string(),
    /** Who asked for it, such as "ama@ops-1". */
    operator: z.string(),
    host: z.string(),
    reason: z.string().nullable(),
    /** Name in the project's fiber.yaml. */
    project: z.string(),
    /** The repository that is released, absolute. */
    repository: z.string(),
    /** Tags; `from` is null for a first release, `to` for a run without a target release. */
    from: z.string().nullable(),
    to: z.string().nullable(),
    level: z.enum(["code", "schema", "data"]),
    /** Why this level and no other. */
    why: z.string(),
    steps: z.array(stepSchema).readonly(),
    loss: lossSchema,
    /** Expected outage of reads and of ingest, in milliseconds, and where the figures come from. */
    outage: z.object({ readsMs: z.number(), ingestMs: z.number(), basis: z.string() }).readonly(),
    /** Expected duration in milliseconds, and where the figure comes from. */
    estimate: z.object({ ms: z.number(), basis: z.string() }).readonly(),
    /** The step after which there is only forward; null where every step can be taken back. */
    pointOfNoReturn: z.string().nullable(),
    warnings: z.array(z.string()).readonly(),
    /** What its steps need; each planner reads it with its own schema. */
    facts: z.record(z.string(), z.unknown()),
  })
  .readonly();

/** See {@link runPlanSchema}. */
export type RunPlan = z.output<typeof runPlanSchema>;
