import { realpath } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { FiberError } from "#contracts";
import {
  appliedMigrations,
  findDatabase,
  inSession,
  type KnownRows,
  loadMigrations,
  readLiveTables,
  readUserRights,
} from "#db";
import { hashFile } from "../backup/dump-to-file.js";
import type { Manifest } from "../backup/manifest.js";
import { timeName } from "../backup/places.js";
import { refuseSealed } from "../backup/prove-backup.js";
import { refuseUnsound, verifyBackup } from "../backup/verify-backup.js";
import type { DataPorts } from "../ports.js";
import { readManifestIfAny } from "./beside-step.js";
import { listQuarantines } from "./quarantine.js";
import { onDatabase } from "./restore-context.js";
import { toolsFor } from "./restore-dump.js";
import type { RestoreFacts, RestorePlan, RestoreSource, TableFacts } from "./restore-plan.js";

/** What to bring back, as it was asked for. */
export interface RestoreRequest {
  readonly from:
    | { readonly kind: "dump"; readonly path: string; readonly identity?: string }
    | { readonly kind: "recovery"; readonly point?: string; readonly time?: string }
    /** The newest quarantine, or the one named. */
    | { readonly kind: "undo"; readonly database?: string };
  /** How long the replaced database is kept; 7 days by default. */
  readonly keepDays?: number;
  readonly leaveSuspect?: boolean;
  readonly thenUpgrade?: boolean;
  /** False when nothing was acknowledged since the source was taken; true by default. */
  readonly carry?: boolean;
}

const KEEP_DAYS = 7;

/**
 * Gathers what a plan is made of; changes nothing.
 *
 * @throws FiberError RESTORE_NO_RIGHTS, DATABASE_MISSING, QUARANTINE_NOT_FOUND, or what makes the
 *   dump unfit (see verifyBackup)
 */
export async function gatherFacts(
  ports: DataPorts,
  request: RestoreRequest,
): Promise<RestoreFacts> {
  await refuseWithoutRights(ports);
  const source = await findSource(ports, request);
  // Reading the dump's bytes and counting the live rows have nothing to wait for from each other.
  const [sound, counted] = await Promise.allSettled([
    source.assertSound(),
    readLive(ports, source.tables),
  ]);
  if (sound.status === "rejected") throw sound.reason;
  if (counted.status === "rejected") throw counted.reason;
  const live = counted.value;
  const nowMs = await freeTime(ports);
  return {
    nowMs,
    id: timeName(nowMs),
    source: source.source,
    live: live.live,
    liveTables: live.tables,
    sourceTables: source.tables,
    sourceHead: source.head,
    codeHead: (await loadMigrations()).at(-1)?.revision ?? null,
    keepDays: request.keepDays ?? KEEP_DAYS,
    leaveSuspect: request.leaveSuspect ?? false,
    thenUpgrade: request.thenUpgrade ?? false,
    carry: request.carry ?? true,
  };
}

/** @throws FiberError RESTORE_NO_RIGHTS */
export async function refuseWithoutRights(ports: DataPorts): Promise<void> {
  const { user, superuser } = await onDatabase(ports, null, readUserRights);
  if (superuser) return;
  throw new FiberError(
    "RESTORE_NO_RIGHTS",
    `User ${user} is no superuser of this server. A restore makes and renames databases and ends ` +
      "other sessions: connect as a superuser (user postgres, or FIBER_DATABASE_URL). Where the " +
      "provider gives none, use its own recovery.",
  );
}

async function readLive(
  ports: DataPorts,
  source: readonly TableFacts[] | null,
): Promise<{ readonly live: RestorePlan["live"]; readonly tables: readonly TableFacts[] }> {
  const found = await onDatabase(ports, null, (session) => findDatabase(session, ports.database));
  if (found === null) {
    throw new FiberError(
      "DATABASE_MISSING",
      `The server has no database ${ports.database}: nothing to carry over or to swap with. Start ` +
        "the stack once, or restore with pg_restore into a new database of that name.",
    );
  }
  const { oid, name, owner, encoding, collate, ctype } = found;
  const { head, tables } = await readTables(
    ports,
    ports.database,
    source === null ? null : new Map(source.map((table) => [table.table, table.days])),
  );
  return { live: { oid, name, owner, encoding, collate, ctype, head }, tables };
}

async function readTables(ports: DataPorts, database: string, known: KnownRows | null) {
  return await onDatabase(ports, database, (session) =>
    inSession(
      session,
      async () => ({
        head: (await appliedMigrations(session)).at(-1)?.revision ?? null,
        tables: await readLiveTables(session, known),
      }),
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    ),
  );
}

interface SourceFacts {
  readonly source: RestoreSource;
  readonly tables: readonly TableFacts[] | null;
  readonly head: string | null;
  /** @throws FiberError what makes a dump unfit */
  readonly assertSound: () => Promise<void>;
}

const sound = async () => {};

async function findSource(ports: DataPorts, { from }: RestoreRequest): Promise<SourceFacts> {
  switch (from.kind) {
    case "dump":
      return await findDump(ports, from.path, from.identity ?? null);
    case "recovery": {
      const { point = null, time = null } = from;
      return {
        source: { kind: "recovery", point, time },
        tables: null,
        head: null,
        assertSound: sound,
      };
    }
    case "undo": {
      const quarantines = await listQuarantines(ports);
      const found = quarantines.find((q) => q.database === (from.database ?? q.database));
      if (found === undefined) {
        throw new FiberError(
          "QUARANTINE_NOT_FOUND",
          `There is no quarantine ${from.database ?? "to go back to"}. See: fiber restore quarantine list`,
        );
      }
      const { head, tables } = await readTables(ports, found.database, null);
      const source = { kind: "quarantine", database: found.database } as const;
      return { source, tables, head, assertSound: sound };
    }
  }
}

async function findDump(
  ports: DataPorts,
  given: string,
  identity: string | null,
): Promise<SourceFacts> {
  // The runbook's name is a link; the manifest lies beside the file itself.
  const wanted = isAbsolute(given) ? given : resolve(given);
  const path = await realpath(wanted).catch(() => wanted);
  const manifest = await readManifestIfAny(path).catch(() => null);
  const dump = { path, ...(identity === null ? {} : { identityFile: identity }) };
  if (manifest !== null) refuseSealed(dump, manifest);
  return {
    source: {
      kind: "dump",
      path,
      identity,
      tag: manifest?.tag ?? null,
      createdAt: manifest?.createdAt ?? null,
    },
    tables: manifest === null ? null : manifest.tables.map(toTableFacts),
    head: manifest?.migrationHead ?? null,
    assertSound: () => refuseUnfit(ports, dump, manifest),
  };
}

/** @throws FiberError what makes the dump unfit */
async function refuseUnfit(
  ports: DataPorts,
  dump: { readonly path: string; readonly identityFile?: string },
  manifest: Manifest | null,
): Promise<void> {
  const intact =
    manifest !== null && (await hashFile(dump.path).catch(() => "")) === manifest.file.sha256;
  // The manifest's own file was read to its end when it was written; any other is read now.
  const plain = dump.identityFile === undefined && manifest?.file.encryption === null;
  if (intact && plain) return;
  const tools = await toolsFor(ports.admin);
  const report = await verifyBackup({ ...dump, tools }, ports.progress);
  const problems = report.problems.filter((problem) => problem.code !== "MANIFEST_MISSING");
  if (problems.length > 0) refuseUnsound({ ...report, problems });
}

function toTableFacts(table: Manifest["tables"][number]): TableFacts {
  return {
    table: table.name,
    class: table.class,
    rows: table.rows,
    suspect: 0,
    days: Object.fromEntries(table.partitions.map((day) => [day.name, day.rows])),
  };
}

/** The time of the run, moved on where its names are taken. */
async function freeTime(ports: DataPorts): Promise<number> {
  return await onDatabase(ports, null, async (session) => {
    for (let ms = ports.clock.now(); ; ms += 1_000) {
      const digits = timeName(ms).replaceAll(/\D/g, "");
      const names = ["r", "q"].map((letter) => `${ports.database}_${letter}${digits}`);
      const taken = await Promise.all(names.map((name) => findDatabase(session, name)));
      if (taken.every((found) => found === null)) return ms;
    }
  });
}
