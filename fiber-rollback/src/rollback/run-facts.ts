import { z } from "zod";
import { restorePlanSchema } from "../restore/restore-plan.js";
import { beforeSchema } from "../verify/verify-context.js";

const artefactSchema = z.object({
  kind: z.enum(["folder", "image"]),
  ref: z.string(),
  tag: z.string(),
  commit: z.string(),
  digest: z.string(),
  sizeBytes: z.number(),
});

/** What the steps of a deploy, a rollback or an undo need from their plan. */
export const runFactsSchema = z.object({
  format: z.literal(1),
  target: z.object({
    tag: z.string(),
    commit: z.string(),
    /** The newest revision that it works with; null for none. */
    head: z.string().nullable(),
    /** The digest that its artefact must have; null when it is built in this run. */
    digest: z.string().nullable(),
    /** About how many bytes its artefact takes; null while nobody knows. */
    sizeBytes: z.number().nullable(),
    /** Whether its record said bad when this was planned. */
    wasBad: z.boolean().default(false),
  }),
  from: z.object({
    /** "dev" for a working tree, null when nothing ran. */
    release: z.string().nullable(),
    commit: z.string().nullable(),
    /** What ran, when one can come back to it. */
    artefact: artefactSchema.nullable(),
    /** The status that its record had. */
    status: z.enum(["candidate", "live", "good", "bad"]).nullable(),
  }),
  /** Folder of migrations within a tree; null for a project without a database. */
  migrations: z.string().nullable(),
  data: z
    .object({
      database: z.string(),
      oid: z.number(),
      sizeBytes: z.number(),
      /** The newest revision before the run. */
      head: z.string().nullable(),
    })
    .nullable(),
  /** Whether old and new may run side by side for a moment. */
  overlap: z.boolean(),
  /** Taken back by `downgrade`; null when nothing is. */
  down: z.object({ to: z.string().nullable(), allowLoss: z.boolean() }).nullable(),
  /** Applied by `migrate`; null when nothing is. */
  up: z
    .object({
      to: z.string().nullable(),
      /** `--allow-loss`: rows and values of earlier migrations may go. */
      allowLoss: z.boolean(),
      /** What the data can be brought back from: a point of the WAL archive, or a dump. */
      restorePoint: z.enum(["point", "dump"]),
    })
    .nullable(),
  restore: restorePlanSchema.nullable(),
  gates: z
    .object({
      /** `--skip-gates REASON`. */
      skip: z.string().nullable(),
    })
    .nullable(),
  /** Whether a dump is taken before anything changes. */
  backup: z.boolean(),
  /** The run that this one takes back; null for none. */
  takesBack: z.string().nullable(),
  /** The release whose failure this run takes back, and why it is bad; null for none. */
  failed: z.object({ tag: z.string(), why: z.string() }).nullable().default(null),
  /** What was known of probes before the run that is taken back; null: look now. */
  before: beforeSchema.nullable().default(null),
});

/** See {@link runFactsSchema}. */
export type RunFacts = z.infer<typeof runFactsSchema>;
