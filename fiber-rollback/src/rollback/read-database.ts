import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  type AppliedMigration,
  appliedMigrations,
  findDatabase,
  isConnectionError,
  loadMigrations,
  migrationRecordFile,
  plannedLoss,
  type Session,
  schemaFit,
  unrecordedDowns,
} from "#db";
import { urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import { onDatabase } from "../restore/restore-context.js";
import type { AppliedView, DatabaseView, WayDown } from "./plan-facts.js";

/** The database as every plan looks at it. */
interface DatabaseState {
  readonly database: string;
  readonly oid: number;
  readonly sizeBytes: number;
  readonly applied: readonly AppliedView[];
  /** The stored ways down by revision: their checksums. */
  readonly downs: ReadonlyMap<string, string>;
}

/**
 * Reads which migrations are applied, and how large the database is.
 *
 * @throws FiberError DATABASE_MISSING, DATABASE_UNAVAILABLE
 */
export async function readDatabase(ports: DataPorts): Promise<DatabaseState> {
  const found = await onDatabase(ports, null, (session) =>
    findDatabase(session, ports.database),
  ).catch((cause: unknown) => {
    throw isConnectionError(cause) ? unreachable(ports, cause) : cause;
  });
  if (found === null) {
    throw new FiberError(
      "DATABASE_MISSING",
      `The server has no database ${ports.database}. Start the stack once (fiber up), then run this again.`,
    );
  }
  const applied = await onDatabase(ports, ports.database, appliedMigrations);
  return {
    database: found.name,
    oid: found.oid,
    sizeBytes: found.sizeBytes,
    applied: applied.map(toView),
    downs: new Map(applied.map((row) => [row.revision, row.downChecksum])),
  };
}

function unreachable({ admin, database }: DataPorts, cause: unknown): FiberError {
  return new FiberError(
    "DATABASE_UNAVAILABLE",
    `The database ${database} at ${new URL(admin).host} does not answer: ${(cause as Error).message}. ` +
      "Which schema it has decides how far to go back, so nothing was planned. Start it (fiber up); " +
      "data that is gone comes back with fiber restore.",
    { cause },
  );
}

/**
 * What is wrong with the schema, by the migrations of a release's tree; null when nothing is, or
 * when there is no tree to compare with.
 */
export async function schemaProblem(
  ports: DataPorts,
  tree: { readonly root: string; readonly migrations: string } | null,
): Promise<string | null> {
  if (tree === null) return null;
  const migrations = await loadMigrations(join(tree.root, tree.migrations));
  const fit = await onDatabase(ports, ports.database, (session: Session) =>
    schemaFit(session, { migrations }),
  );
  return fit.kind === "inconsistent" ? (fit.message ?? "the schema is not consistent") : null;
}

/** What going down to a revision drops, counted; null when the database is not ahead of it. */
export async function lossDownTo(
  ports: DataPorts,
  state: DatabaseState,
  head: string | null,
): Promise<DatabaseView["loss"]> {
  if (!isAhead(state, head)) return null;
  const connectionString = urlOfDatabase(ports.admin, ports.database);
  return await plannedLoss({ connectionString, target: head ?? "base" });
}

/**
 * Whether the stored ways down to a revision are those that were applied: held against the record
 * in the state folder, the release records and the files of a tree.
 *
 * @param folder migrations of the tree that applied them, where it is still there
 */
export async function checkWayDown(
  ports: DataPorts,
  state: DatabaseState,
  about: {
    readonly head: string | null;
    readonly folder: string | null;
    readonly records: () => Promise<readonly ReleaseRecord[]>;
  },
): Promise<WayDown> {
  const { head, folder, records } = about;
  if (!isAhead(state, head)) return { kind: "sound" };
  try {
    const unknown = await unrecordedDowns({
      connectionString: urlOfDatabase(ports.admin, ports.database),
      target: head ?? "base",
      recordFile: migrationRecordFile(ports.stateDir),
      folder,
    });
    if (unknown.length === 0) return { kind: "sound" };
    const released = await records();
    const revisions = unknown.filter((revision) => !isReleased(revision, state, released));
    return revisions.length === 0 ? { kind: "sound" } : { kind: "unrecorded", revisions };
  } catch (err) {
    if (!(err instanceof FiberError) || err.code !== "MIGRATION_TAMPERED") throw err;
    return { kind: "tampered", why: err.message };
  }
}

function isReleased(
  revision: string,
  { downs }: DatabaseState,
  records: readonly ReleaseRecord[],
): boolean {
  return records.some(({ migrations }) =>
    migrations.files.some(
      (file) => file.revision === revision && file.downSha256 === downs.get(revision),
    ),
  );
}

function isAhead({ applied }: DatabaseState, head: string | null): boolean {
  return applied.some((row) => row.revision > (head ?? ""));
}

function toView(row: AppliedMigration): AppliedView {
  return {
    revision: row.revision,
    title: row.slug.replaceAll("_", " "),
    upSha256: row.upChecksum,
    kind: row.kind,
    status: row.status,
  };
}
