import { FiberError } from "#contracts";
import { inSession, readFingerprints, type TableFingerprint } from "#db";
import { createBackup } from "../backup/create-backup.js";
import { listBackups } from "../backup/list-backups.js";
import type { Step, StepDetail } from "../engine/step.js";
import { onDatabase } from "../restore/restore-context.js";
import { readSource } from "../rollback/find-source.js";
import type { DataSource } from "../rollback/plan-facts.js";
import { ownFence } from "../rollback/steps/fence-steps.js";
import { dataPorts, makeStep, type StepBase } from "../rollback/steps/step-base.js";
import { createRestorePoint, listRestorePoints } from "../wal/restore-points.js";

/** Takes a dump before anything changes, under the release whose data it holds. */
export function backupStep(base: StepBase): Step {
  const find = () => findDump(base, backupName(base));
  return makeStep("backup", base, {
    async check() {
      const found = await find();
      return found === null ? { state: "needed" } : { state: "done", detail: { path: found } };
    },
    async run() {
      const { path, manifest } = await createBackup(dataPorts(base), {
        tag: dataTag(base),
        name: backupName(base),
      });
      return { path, sizeBytes: manifest.file.sizeBytes };
    },
    async verify() {
      if ((await find()) !== null) return;
      throw new FiberError("DUMP_MISSING", "The backup does not lie where it was written.");
    },
  });
}

/**
 * Under the fence: makes the point to which the data can be brought back, and reads what every
 * table holds. Belongs to the fence that stands: with another fence it is made anew, because
 * samples may have been acknowledged in between.
 */
export function restorePointStep(base: StepBase): Step {
  const { context, facts } = base;
  const made = () => context.journal.outcome("restore-point");
  return makeStep("restore-point", base, {
    lasting: false,
    data: "locked",
    async check() {
      const before = made();
      const fence = await ownFence(base);
      const same = before !== null && before.fence === (fence?.expiresMs ?? null);
      return same && fence !== null && (await isThere(base, readSource(before.source)))
        ? { state: "done", detail: before }
        : { state: "needed" };
    },
    async run() {
      const fence = (await ownFence(base))?.expiresMs ?? null;
      const ports = dataPorts(base);
      const source =
        facts.up?.restorePoint === "point"
          ? await makePoint(base)
          : await makeDump(base, await freeDumpName(base));
      // Without a fence writers go on until they are stopped: then the figures are read after that.
      const tables = fence === null ? null : await readTables(base);
      context.log.info({ source, database: ports.database }, "restore point made");
      return { source, fence, tables } satisfies StepDetail;
    },
    async verify() {
      const fence = await ownFence(base);
      const before = made();
      if (before !== null || fence !== null) return;
      if (!(await fenceWasRaised(base))) return;
      throw new FiberError(
        "FENCE_LAPSED",
        "The fence ended before the restore point was complete, so samples may have come in " +
          "between. Try again: the next fence stands longer.",
      );
    },
  });
}

async function fenceWasRaised({ context }: StepBase): Promise<boolean> {
  return context.journal.outcome("fence")?.fenced !== false;
}

/** What every append and state table holds, in one snapshot. */
export async function readTables(base: StepBase): Promise<readonly TableFingerprint[]> {
  const ports = dataPorts(base);
  return await onDatabase(ports, ports.database, (session) =>
    inSession(session, () => readFingerprints(session), "BEGIN ISOLATION LEVEL REPEATABLE READ"),
  );
}

async function makePoint(base: StepBase): Promise<DataSource> {
  const { id } = base.context.plan;
  for (let n = 1; ; n++) {
    try {
      const name = n === 1 ? id : `${id}-${n}`;
      const point = await createRestorePoint(dataPorts(base), name);
      return { kind: "point", name: point.name, createdAt: point.createdAt };
    } catch (err) {
      // A killed attempt has used the name.
      if (!(err instanceof FiberError) || err.code !== "RESTORE_POINT_EXISTS") throw err;
    }
  }
}

async function makeDump(base: StepBase, name: string): Promise<DataSource> {
  const { path, manifest } = await createBackup(dataPorts(base), { tag: dataTag(base), name });
  return { kind: "dump", path, createdAt: manifest.createdAt };
}

async function freeDumpName(base: StepBase): Promise<string> {
  const name = backupName(base);
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if ((await findDump(base, candidate)) === null) return candidate;
  }
}

async function isThere(base: StepBase, source: DataSource | null): Promise<boolean> {
  if (source?.kind === "point") {
    const points = await listRestorePoints(base.world.stateDir);
    return points.some((point) => point.name === source.name);
  }
  if (source?.kind !== "dump") return false;
  return (await listBackups(base.world.stateDir)).some((one) => one.path === source.path);
}

async function findDump(base: StepBase, name: string): Promise<string | null> {
  const found = (await listBackups(base.world.stateDir)).find(
    ({ tag, path, manifest }) =>
      tag === dataTag(base) && manifest !== null && path.endsWith(`/${name}.dump`),
  );
  return found?.path ?? null;
}

/** The release whose data a dump holds now: the one that runs, not the one that is deployed. */
function dataTag({ facts }: StepBase): string {
  return facts.from.release ?? "dev";
}

/** Named after the run, so that a resumed one finds it. */
function backupName({ context }: StepBase): string {
  return context.plan.id;
}
