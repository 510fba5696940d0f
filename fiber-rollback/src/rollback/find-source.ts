import { access } from "node:fs/promises";
import { listBackups } from "../backup/list-backups.js";
import type { RunRecord } from "../engine/run-record.js";
import { listRestorePoints } from "../wal/restore-points.js";
import { newestRuns } from "./gather-head.js";
import type { DataSource } from "./plan-facts.js";

/**
 * The newest source that holds a release's data: the restore point or dump that was taken when it
 * was left last, else its newest complete dump. Null when there is neither.
 *
 * @param head the newest migration that the release works with
 */
export async function findSource(
  stateDir: string,
  release: { readonly tag: string; readonly head: string | null },
): Promise<DataSource | null> {
  for await (const run of newestRuns(stateDir)) {
    if (run.plan.from !== release.tag) continue;
    const source = sourceOfRun(run);
    if (source !== null && (await isThere(stateDir, source))) return source;
  }
  const dump = (await listBackups(stateDir)).find(
    ({ tag, manifest }) =>
      tag === release.tag && manifest !== null && manifest.migrationHead === release.head,
  );
  if (dump === undefined) return null;
  return { kind: "dump", path: dump.path, createdAt: new Date(dump.createdMs).toISOString() };
}

/** What a run's own restore-point step left; null when it had none, or did not come so far. */
function sourceOfRun({ steps }: Pick<RunRecord, "steps">): DataSource | null {
  const step = steps.find((one) => one.id === "restore-point" && one.state === "done");
  return step === undefined ? null : readSource(step.detail?.source);
}

/** A source as a step's outcome has it. */
export function readSource(value: unknown): DataSource | null {
  const { kind, name, path, createdAt } = (value ?? {}) as Record<string, unknown>;
  if (typeof createdAt !== "string") return null;
  if (kind === "point" && typeof name === "string") return { kind, name, createdAt };
  if (kind === "dump" && typeof path === "string") return { kind, path, createdAt };
  return null;
}

async function isThere(stateDir: string, source: DataSource): Promise<boolean> {
  if (source.kind === "point") {
    return (await listRestorePoints(stateDir)).some((point) => point.name === source.name);
  }
  if (source.kind === "quarantine") return true;
  return await access(source.path).then(
    () => true,
    () => false,
  );
}
