import { z } from "zod";
import { FiberError } from "#contracts";

/** The record format that this code writes; newer ones are refused by name. */
export const RELEASE_FORMAT = 1;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const figureSchema = z.number().nonnegative().nullable();

/** What a tag's signature was worth when the release was recorded. */
export const signatureSchema = z.object({
  status: z.enum(["good", "bad", "unsigned", "unknown-key"]),
  /** Who signed, as the key names them; null when unknown. */
  signer: z.string().nullable(),
});

/** Where a built release lies, and the digest that tells whether it is still what was built. */
export const recordedArtefactSchema = z.object({
  kind: z.enum(["folder", "image"]),
  /** Absolute folder, or an image's id. */
  ref: z.string().min(1),
  digest: z.string().min(1),
  sizeBytes: z.number().int().nonnegative(),
});

const migrationFileSchema = z.object({
  /** Four digits, such as "0004". */
  revision: z.string().regex(/^\d{4}$/),
  /** File name, such as "0004_posture_and_fence.sql". */
  name: z.string().min(1),
  upSha256: sha256Schema,
  downSha256: sha256Schema,
  kind: z.enum(["reversible", "lossy"]),
});

/** The health that a release had while it was good; null where it could not be measured. */
export const baselineSchema = z.object({
  recordedAt: z.iso.datetime(),
  /** Probes that reported, by region. */
  probesByRegion: z.record(z.string(), z.number().int().nonnegative()),
  ingestLagS: figureSchema,
  /** Share of API requests answered with a 5xx status, 0 to 1. */
  errorRate: figureSchema,
  readP95Ms: figureSchema,
});

/** See {@link baselineSchema}. */
export type ReleaseBaseline = z.infer<typeof baselineSchema>;

/** `candidate`: never ran; `live`: runs, not judged; `good` and `bad`: judged by verification. */
export const releaseStatusSchema = z.enum(["candidate", "live", "good", "bad"]);

/** See {@link releaseStatusSchema}. */
export type ReleaseStatus = z.infer<typeof releaseStatusSchema>;

/** `<state>/releases/<tag>/release.json`: everything that is known of one release. */
export const releaseRecordSchema = z.object({
  format: z.literal(RELEASE_FORMAT),
  tag: z.string().min(1),
  signature: signatureSchema,
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  /** Null until it was built. */
  artefact: recordedArtefactSchema.nullable(),
  migrations: z.object({
    /** The newest revision in the tag's tree; null for a project without a database. */
    head: z.string().nullable(),
    files: z.array(migrationFileSchema),
  }),
  /** Newer schema heads on which this release's smoke test passed. */
  compatibleWith: z.array(
    z.object({
      head: z.string(),
      provedAt: z.iso.datetime(),
      /** Of that head's way up: another migration of the same number proves nothing. */
      upSha256: sha256Schema.optional(),
    }),
  ),
  /** Dumps that hold its data, as paths below `<state>/backups`, oldest name first. */
  backups: z.array(z.string()),
  baseline: baselineSchema.nullable(),
  status: releaseStatusSchema,
  createdAt: z.iso.datetime(),
  /** When it last began to run. */
  liveAt: z.iso.datetime().nullable(),
  /** When it was last found good or bad. */
  judgedAt: z.iso.datetime().nullable(),
  /** Why it has this status, in words. */
  why: z.string().nullable(),
});

/** See {@link releaseRecordSchema}. */
export type ReleaseRecord = z.infer<typeof releaseRecordSchema>;

/**
 * Checks what claims to be a release record.
 *
 * @param origin where it was read, for messages
 * @throws FiberError RELEASE_TOO_NEW when a newer version of FiberStack wrote it, RELEASE_INVALID
 *   when it is no record
 */
export function parseReleaseRecord(value: unknown, origin: string): ReleaseRecord {
  const format = z.object({ format: z.number().int() }).safeParse(value);
  if (format.success && format.data.format > RELEASE_FORMAT) {
    throw new FiberError(
      "RELEASE_TOO_NEW",
      `${origin} has release format ${format.data.format}; this version reads up to ` +
        `${RELEASE_FORMAT}. Use the version of fiber that wrote it, or a newer one.`,
    );
  }
  const parsed = releaseRecordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidRecord(origin, z.prettifyError(parsed.error));
}

/** The error for a file that is no release record, with its remedy. */
export function invalidRecord(origin: string, why: string): FiberError {
  return new FiberError(
    "RELEASE_INVALID",
    `${origin} is not a usable release record:\n${why}\n` +
      "Rebuild it from its tag and its backups: fiber release import.",
  );
}
