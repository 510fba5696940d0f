import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { type BaseFacts, readArchiveStatus, readBaseFacts, withSession } from "#db";
import { refuseShortDisk } from "../backup/disk-space.js";
import { hashFile } from "../backup/dump-to-file.js";
import { timeName } from "../backup/places.js";
import {
  makePrivateFolder,
  removeUnfinished,
  syncPath,
  unfinishedName,
  writeDurably,
} from "../durable-files.js";
import { connectionEnv, findPgTools, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import { diskFull, refuseFailedTool, startTool } from "../run-tool.js";
import { BASE_FORMAT, type BaseFound, type BaseManifest, basesFolder } from "./base-manifest.js";
import { archiveOff } from "./restore-points.js";

/** A gzipped base backup's size over its cluster's. */
const RATIO = 0.5;
const PROGRESS_EVERY_MS = 500;

const writtenSchema = z.object({
  "WAL-Ranges": z
    .array(z.object({ Timeline: z.number(), "Start-LSN": z.string(), "End-LSN": z.string() }))
    .min(1),
});

/**
 * Copies the whole server with pg_basebackup (part of PostgreSQL's client package), compressed and
 * with the WAL it needs to be consistent: together with the WAL archive it can be taken to any
 * moment after it was complete. Written under a temporary name, synced, then renamed.
 *
 * @throws FiberError ARCHIVE_OFF, TABLESPACES, PG_TOOLS_MISSING, DISK_SHORT, DISK_FULL, BASE_FAILED
 */
export async function createBase(ports: DataPorts): Promise<BaseFound> {
  const startedMs = ports.clock.now();
  const facts = await withSession(ports.admin, async (session) => {
    const found = await readBaseFacts(session);
    if (!(await readArchiveStatus(session)).on) throw archiveOff();
    return found;
  });
  refuseTablespaces(facts);
  const folder = basesFolder(ports.stateDir);
  await makePrivateFolder(folder);
  await removeUnfinished(folder);
  await refuseShortDisk(folder, facts.clusterBytes * RATIO, "The base backup");
  const path = await freeFolder(folder, startedMs);
  const unfinished = unfinishedName(path);
  try {
    await copyServer(ports, facts, unfinished);
    const manifest = await describe(unfinished, facts, {
      createdAt: new Date(startedMs).toISOString(),
      durationMs: ports.clock.now() - startedMs,
    });
    await writeDurably(join(unfinished, "base.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(unfinished, path);
    await syncPath(folder);
    ports.log.info({ path, startLsn: manifest.startLsn }, "base backup taken");
    return { path, manifest, endMs: startedMs + manifest.durationMs };
  } catch (err) {
    await rm(unfinished, { recursive: true, force: true });
    throw diskFull(err, "The base backup");
  }
}

async function copyServer(ports: DataPorts, facts: BaseFacts, folder: string): Promise<void> {
  const tools = await findPgTools(facts.major);
  const command = [
    tools.path("pg_basebackup"),
    `--pgdata=${folder}`,
    "--format=tar",
    "--gzip",
    "--compress=1",
    "--wal-method=stream",
    "--checkpoint=fast",
    "--label=fiber",
    "--no-password",
  ] as const;
  // A replication connection names no database.
  const { PGDATABASE: _, ...env } = connectionEnv(urlOfDatabase(ports.admin, "postgres"));
  const tool = await startTool(command, { env, signal: ports.signal });
  tool.stdin.end();
  tool.stdout.resume();
  const total = facts.clusterBytes * RATIO;
  const report = setInterval(() => {
    folderBytes(folder).then(
      (done) => ports.progress({ step: "base backup", done, total, unit: "bytes" }),
      () => {},
    );
  }, PROGRESS_EVERY_MS);
  const end = await tool.ended.finally(() => clearInterval(report));
  refuseFailedTool(end, "BASE_FAILED", "The base backup");
}

async function describe(
  folder: string,
  facts: BaseFacts,
  times: Pick<BaseManifest, "createdAt" | "durationMs">,
): Promise<BaseManifest> {
  const written = writtenSchema.parse(
    JSON.parse(await readFile(join(folder, "backup_manifest"), "utf8")),
  );
  const ranges = written["WAL-Ranges"];
  const first = ranges[0];
  const last = ranges.at(-1);
  if (first === undefined || last === undefined || first.Timeline !== last.Timeline) {
    throw new FiberError(
      "BASE_FAILED",
      "The server changed its timeline during the base backup. Take it again.",
    );
  }
  const files: BaseManifest["files"] = [];
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name);
    files.push({ name, sizeBytes: (await stat(path)).size, sha256: await hashFile(path) });
  }
  const { version, tablespaces: _, ...rest } = facts;
  return {
    format: BASE_FORMAT,
    ...times,
    ...rest,
    limits: { ...facts.limits },
    serverVersion: version,
    timeline: first.Timeline,
    startLsn: first["Start-LSN"],
    stopLsn: last["End-LSN"],
    files,
  };
}

function refuseTablespaces({ tablespaces }: BaseFacts): void {
  if (tablespaces.length === 0) return;
  throw new FiberError(
    "TABLESPACES",
    `The server keeps data in tablespaces outside its folder (${tablespaces.join(", ")}), which a ` +
      "base backup of ours does not carry. Use dumps (fiber backup create) or pgBackRest there.",
  );
}

async function freeFolder(root: string, startedMs: number): Promise<string> {
  for (let ms = startedMs; ; ms += 1_000) {
    const path = join(root, timeName(ms));
    if ((await stat(path).catch(() => null)) === null) return path;
  }
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
