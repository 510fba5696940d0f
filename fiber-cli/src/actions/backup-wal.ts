import { withSession } from "#db";
import {
  archiveHealth,
  backupHealth,
  createBase,
  createRestorePoint,
  listBases,
  listRestorePoints,
  trimWal,
} from "#rollback";
import { openDataPorts } from "../data-ports.js";
import { formatBytes, formatSeconds, formatTable, printResult } from "../terminal.js";

/** Options as commander hands them over. */
interface Options {
  readonly dryRun?: true;
  readonly json?: true;
}

/** `fiber backup base` */
export async function runBase(options: Options): Promise<void> {
  const { ports, endProgress } = await openDataPorts();
  if (options.dryRun === true) {
    const bases = await listBases(ports.stateDir);
    return printResult(
      options.json === true,
      { bases },
      () =>
        `Would copy the whole server beside the ${bases.length} base backups there are; the newest two ` +
        "stay. Nothing was changed.",
    );
  }
  const base = await createBase(ports).finally(endProgress);
  const trimmed = await trimWal(ports);
  const size = base.manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  printResult(options.json === true, { ...base, trimmed }, () =>
    [
      base.path,
      `${formatBytes(size)} in ${formatSeconds(base.manifest.durationMs / 1_000)}; recovers to any ` +
        `moment from ${new Date(base.endMs).toISOString()} on.`,
      `Removed ${trimmed.bases.length} older base backups and ${trimmed.segments} WAL segments.`,
    ].join("\n"),
  );
}

/** `fiber backup point` */
export async function runPoint(name: string | undefined, options: Options): Promise<void> {
  const { ports } = await openDataPorts();
  if (name !== undefined) {
    const point = await createRestorePoint(ports, name);
    return printResult(
      options.json === true,
      point,
      () =>
        `Restore point ${point.name} at ${point.createdAt}. Back to it: fiber restore --to-point ${point.name}`,
    );
  }
  const points = await listRestorePoints(ports.stateDir);
  printResult(options.json === true, points, () =>
    points.length === 0
      ? "There is no restore point yet: fiber backup point NAME"
      : formatTable([
          ["name", "made", "position"],
          ...points.map((point) => [point.name, point.createdAt, point.lsn ?? "unknown"]),
        ]),
  );
}

/** `fiber backup health` */
export async function runHealth(options: Options): Promise<void> {
  const { ports } = await openDataPorts();
  const backup = await backupHealth(ports.stateDir);
  const archive = await withSession(ports.admin, archiveHealth);
  printResult(options.json === true, { backup, archive }, () => {
    const { newest, base, copied } = backup;
    const age = (seconds: number | null | undefined) =>
      seconds == null ? "none" : `${formatSeconds(seconds)} ago`;
    return [
      `Backups      ${backup.light}, newest ${age(newest?.ageS)}, newest proven ${age(backup.provenAgeS)}`,
      `Copy         ${copied === null ? "none" : `${copied.path}, ${copied.copiedAt}`}`,
      `Base backup  ${age(base?.ageS)}`,
      `WAL archive  ${archive.light}, last segment ${age(archive.ageS)}, ${archive.waiting} waiting, ` +
        `${archive.failures} failures`,
      ...backup.reasons,
      ...(archive.reason === null ? [] : [archive.reason]),
    ].join("\n");
  });
}
