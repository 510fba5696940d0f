import { readFile } from "node:fs/promises";
import { z } from "zod";
import { FiberError } from "#contracts";
import { writeDurably } from "../durable-files.js";

/** The manifest format that this code writes; newer ones are refused by name. */
export const MANIFEST_FORMAT = 1;

/** What happens to a table's rows in a restore; declared by the table comment's first word. */
export const tableClassSchema = z.enum(["append", "state", "derived", "control"]);
/** See {@link tableClassSchema}. */
export type TableClass = z.infer<typeof tableClassSchema>;

const rowsSchema = z.number().int().nonnegative();
/** Sum of hash_record_extended(row, 0) over all rows as numeric text: independent of their order. */
const hashSchema = z.string().regex(/^-?\d+$/);

const tableSchema = z.object({
  name: z.string().min(1),
  /** Null for a table whose comment names no class. */
  class: tableClassSchema.nullable(),
  rows: rowsSchema,
  hash: hashSchema,
  /** Leaf partitions of a partitioned table; their rows and hashes are summed into the parent's. */
  partitions: z.array(z.object({ name: z.string(), rows: rowsSchema, hash: hashSchema })),
});

/** Rows and hash of one table, from the dump's own snapshot. */
export type TableFigures = z.infer<typeof tableSchema>;

const migrationSchema = z.object({
  revision: z.string(),
  slug: z.string(),
  /** SHA-256 of the way up and the way down as they were applied, hex. */
  upChecksum: z.string(),
  downChecksum: z.string(),
});

/** What lies beside a dump and says what it holds: `<time>.manifest.json`. */
export const manifestSchema = z.object({
  format: z.literal(MANIFEST_FORMAT),
  /** The release whose data the dump holds. */
  tag: z.string().min(1),
  createdAt: z.iso.datetime(),
  durationMs: z.number().int().nonnegative(),
  file: z.object({
    /** File name in the manifest's own folder. */
    name: z.string().regex(/^[^/]+$/),
    sizeBytes: z.number().int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    encryption: z.enum(["age"]).nullable(),
  }),
  server: z.object({
    /** server_version, such as "15.18". */
    version: z.string(),
    systemIdentifier: z.string(),
    databaseOid: z.number().int(),
    databaseSizeBytes: z.number().int().nonnegative(),
    owner: z.string(),
    encoding: z.string(),
    collate: z.string(),
    ctype: z.string(),
  }),
  pgDumpVersion: z.string(),
  /** The newest applied revision, null for a database without any. */
  migrationHead: z.string().nullable(),
  migrations: z.array(migrationSchema),
  tables: z.array(tableSchema),
  /** Sequences in schema-qualified form; `value` as text because it is a bigint. */
  sequences: z.array(z.object({ name: z.string(), value: z.string(), called: z.boolean() })),
  /** Database-level GRANT and REVOKE statements; `:"database"` stands for the database's name. */
  acls: z.array(z.string()),
  /** ALTER DATABASE and ALTER ROLE … SET statements; `:"database"` stands for the database's name. */
  settings: z.array(z.string()),
  /** The record of `tag`, with which a lost state folder is rebuilt; null for a working tree. */
  release: z.record(z.string(), z.unknown()).nullable(),
  /** When a restore into a scratch database was last seen equal to this manifest. */
  provenAt: z.iso.datetime().nullable(),
});

/** See {@link manifestSchema}. */
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * Reads a manifest from its text.
 *
 * @param origin where it was read, for messages
 * @throws FiberError MANIFEST_TOO_NEW when a newer version of FiberStack wrote it, MANIFEST_INVALID
 *   when it is no manifest
 */
export function parseManifest(text: string, origin: string): Manifest {
  const json = parseJson(text, origin);
  const format = z.object({ format: z.number().int() }).safeParse(json);
  if (format.success && format.data.format > MANIFEST_FORMAT) {
    throw new FiberError(
      "MANIFEST_TOO_NEW",
      `${origin} has manifest format ${format.data.format}; this version reads up to ` +
        `${MANIFEST_FORMAT}. Use the version of fiber that wrote the backup, or a newer one.`,
    );
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw invalid(origin, z.prettifyError(parsed.error));
}

/**
 * Reads the manifest that lies beside a dump.
 *
 * @throws FiberError MANIFEST_MISSING, MANIFEST_TOO_NEW, MANIFEST_INVALID
 */
export async function readManifest(dumpPath: string): Promise<Manifest> {
  const path = manifestPathOf(dumpPath);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    throw new FiberError(
      "MANIFEST_MISSING",
      `${dumpPath} has no manifest beside it (${path}), so nothing says what it should hold. ` +
        "Copy the manifest back beside it, or take another backup: fiber backup list.",
      { cause },
    );
  });
  return parseManifest(text, path);
}

/**
 * Changes a manifest. It is read again first: a proof takes long, and what others noted meanwhile
 * stays.
 *
 * @throws FiberError as readManifest
 */
export async function updateManifest(
  dumpPath: string,
  change: Partial<Pick<Manifest, "provenAt" | "release">>,
): Promise<void> {
  const manifest = { ...(await readManifest(dumpPath)), ...change };
  await writeDurably(manifestPathOf(dumpPath), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Where the manifest of a dump lies: `x.dump` and `x.dump.age` both have `x.manifest.json`. */
export function manifestPathOf(dumpPath: string): string {
  return `${dumpPath.replace(/\.dump(\.age)?$/, "")}.manifest.json`;
}

/** `x.globals.sql` beside `x.dump`, `x.globals.sql.age` beside `x.dump.age`. */
export function globalsPathOf(dumpPath: string): string {
  return dumpPath.replace(/\.dump(\.age)?$/, ".globals.sql$1");
}

function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(origin, (cause as Error).message);
  }
}

function invalid(origin: string, why: string): FiberError {
  return new FiberError(
    "MANIFEST_INVALID",
    `${origin} is not a usable manifest:\n${why}\nTake another backup: fiber backup list.`,
  );
}

/** One of a manifest's `acls` or `settings` as SQL for the database of this name. */
export function statementFor(statement: string, database: string): string {
  return statement.replaceAll(':"database"', () => `"${database.replaceAll('"', '""')}"`);
}
