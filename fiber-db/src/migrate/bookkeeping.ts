import type { Db } from "../pool.js";
import type { Migration, MigrationKind } from "./migration-file.js";
import type { SchemaShape } from "./schema-shape.js";

/** A migration as the database remembers it. */
export interface AppliedMigration {
  readonly revision: string;
  readonly slug: string;
  readonly kind: MigrationKind;
  readonly why: string;
  readonly transactional: boolean;
  readonly upChecksum: string;
  readonly downChecksum: string;
  /** The way back as it was when the migration was applied. */
  readonly downSql: string;
  /** The release that applied it; "dev" for a working tree. */
  readonly release: string;
  /** `applying` and `reverting` are what a kill leaves of a step without a transaction. */
  readonly status: "applying" | "applied" | "reverting";
  readonly appliedAt: Date;
  /** What the schema looked like afterwards; null while it is being applied. */
  readonly shape: SchemaShape | null;
}

/** Makes the table that remembers migrations, when it does not exist. */
export async function ensureBookkeeping(db: Db): Promise<void> {
  if (await bookkeepingExists(db)) return;
  await db.query(`
    CREATE TABLE IF NOT EXISTS fiber_migrations (
      revision      text PRIMARY KEY CHECK (revision ~ '^[0-9]{4}$'),
      slug          text NOT NULL,
      kind          text NOT NULL CHECK (kind IN ('reversible', 'lossy')),
      why           text NOT NULL,
      transactional boolean NOT NULL,
      up_checksum   text NOT NULL,
      down_checksum text NOT NULL,
      down_sql      text NOT NULL,
      release       text NOT NULL,
      status        text NOT NULL CHECK (status IN ('applying', 'applied', 'reverting')),
      applied_at    timestamptz NOT NULL DEFAULT now(),
      shape         jsonb
    );
    COMMENT ON TABLE fiber_migrations IS 'control: migrations applied, each with its way back'`);
}

/** The migrations the database remembers, oldest first; none where it has no bookkeeping yet. */
export async function appliedMigrations(db: Db): Promise<readonly AppliedMigration[]> {
  if (!(await bookkeepingExists(db))) return [];
  const { rows } = await db.query<AppliedMigration>(
    `SELECT revision, slug, kind, why, transactional, up_checksum AS "upChecksum",
            down_checksum AS "downChecksum", down_sql AS "downSql", release, status,
            applied_at AS "appliedAt", shape
     FROM fiber_migrations ORDER BY revision`,
  );
  return rows;
}

/** Remembers a migration; what an interrupted attempt wrote about it is replaced. */
export async function rememberMigration(
  db: Db,
  migration: Migration,
  details: {
    readonly release: string;
    readonly status: "applying" | "applied";
    readonly shape: SchemaShape | null;
  },
): Promise<void> {
  await db.query(
    `INSERT INTO fiber_migrations (revision, slug, kind, why, transactional, up_checksum,
       down_checksum, down_sql, release, status, shape)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (revision) DO UPDATE
       SET (slug, kind, why, transactional, up_checksum, down_checksum, down_sql, release, status,
            shape, applied_at)
         = (EXCLUDED.slug, EXCLUDED.kind, EXCLUDED.why, EXCLUDED.transactional,
            EXCLUDED.up_checksum, EXCLUDED.down_checksum, EXCLUDED.down_sql, EXCLUDED.release,
            EXCLUDED.status, EXCLUDED.shape, now())`,
    [
      migration.revision,
      migration.slug,
      migration.kind,
      migration.why,
      migration.transactional,
      migration.upChecksum,
      migration.downChecksum,
      migration.downSql,
      details.release,
      details.status,
      details.shape === null ? null : JSON.stringify(details.shape),
    ],
  );
}

/** Marks a migration as being taken back, for steps that no transaction protects. */
export async function markReverting(db: Db, revision: string): Promise<void> {
  await db.query("UPDATE fiber_migrations SET status = 'reverting' WHERE revision = $1", [
    revision,
  ]);
}

/** Forgets a migration that was taken back. */
export async function forgetMigration(db: Db, revision: string): Promise<void> {
  await db.query("DELETE FROM fiber_migrations WHERE revision = $1", [revision]);
}

async function bookkeepingExists(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    "SELECT to_regclass('fiber_migrations') IS NOT NULL AS found",
  );
  return rows[0]?.found ?? false;
}
