import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { type FoundLock, type LockHolder, readLock, tryLock } from "#runtime";
import { usable } from "../engine/usable-state.js";

/** The installation's lock, held until `release`. */
export interface FileLock {
  /** Whose lock was taken over; null when it was free. */
  readonly replaced: LockHolder | null;
  /** @throws FiberError LOCK_LOST when somebody was told to take it over */
  assertHeld(): void;
  release(): Promise<void>;
}

/**
 * Takes `<state>/run.lock`, which every run that changes data or releases holds. A holder on this
 * machine whose process is gone is taken over; one where we cannot look only with `takeOver`,
 * whose reason the caller journals.
 *
 * @throws FiberError LOCKED naming holder, since when, for what and at which step;
 * STATE_FOLDER_UNUSABLE when the folder cannot be written
 */
export async function takeFileLock(options: {
  readonly stateDir: string;
  readonly what: string;
  /** The journal that the run writes: it tells others the step. */
  readonly journal?: string;
  readonly takeOver?: string | undefined;
}): Promise<FileLock> {
  const { stateDir, what, journal, takeOver } = options;
  const path = lockPath(stateDir);
  const outcome = await usable(stateDir, () =>
    tryLock(path, {
      what,
      ...(journal === undefined ? {} : { journal }),
      takeOverUnknown: takeOver !== undefined,
    }),
  );
  if (outcome.kind === "taken") throw await lockedBy(outcome, path);
  return {
    replaced: outcome.replaced,
    assertHeld() {
      if (outcome.isStillMine()) return;
      throw new FiberError(
        "LOCK_LOST",
        `${path} is no longer ours: somebody took it over or removed it. Nothing more is done here. ` +
          "See fiber runs list for what runs now.",
      );
    },
    release: async () => outcome.release(),
  };
}

/** The run lock as it is now; null when there is none. */
export async function readLockHolder(stateDir: string): Promise<FoundLock | null> {
  return readLock(lockPath(stateDir));
}

/** What the holder of the run lock is doing, in words: for messages and for readiness. */
export async function describeHolder({ holder }: FoundLock): Promise<string> {
  const step = holder.journal ? await currentStep(holder.journal) : null;
  const at = step === null ? "" : `, now at step ${step}`;
  return `"${holder.what}" runs since ${holder.since} as process ${holder.pid} on ${holder.host}${at}`;
}

function lockPath(stateDir: string): string {
  return join(stateDir, "run.lock");
}

/** Only shown to people, so a journal that cannot be read is simply not quoted. */
async function currentStep(journal: string): Promise<string | null> {
  const text = await readFile(journal, "utf8").catch(() => "");
  return [...text.matchAll(/"step":"([^"]+)"/g)].at(-1)?.[1] ?? null;
}

async function lockedBy(found: FoundLock, path: string): Promise<FiberError> {
  const { alive, holder } = found;
  const foreign =
    holder.host === hostname()
      ? "It runs in another container, where nobody can look from here"
      : "Nobody can look there from here";
  const advice =
    alive === "unknown"
      ? `${foreign}: wait for it; if you know that it is gone, take over with --take-over REASON.`
      : "Wait for it, or end that process and try again.";
  return new FiberError("LOCKED", `${await describeHolder(found)} (${path}). ${advice}`);
}
