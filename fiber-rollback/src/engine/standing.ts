import { rename, rm, writeFile } from "node:fs/promises";
import type { Logger } from "#runtime";
import { unfinishedName } from "../durable-files.js";
import type { StepDetail } from "./step.js";

/** Followers look a few times a second: more often is not seen. */
const EVERY_MS = 200;

/** Tells followers of a run how its long step stands; never fails the run. */
export interface Standing {
  tell(step: string, detail: StepDetail): void;
  /** Removes it: no step stands anywhere any more. */
  clear(): Promise<void>;
}

/** Keeps the latest standing in one small file that is replaced whole. */
export function createStanding(path: string, log: Logger): Standing {
  let latest: string | null = null;
  let writing: Promise<void> | null = null;
  let writtenMs = Number.NEGATIVE_INFINITY;
  const write = async () => {
    while (latest !== null) {
      const wait = EVERY_MS - (performance.now() - writtenMs);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const text = latest;
      latest = null;
      if (text === null) break;
      writtenMs = performance.now();
      await replace(path, text).catch((err: unknown) => {
        log.warn({ err }, "how a step stands cannot be shown");
      });
    }
    writing = null;
  };
  return {
    tell(step, detail) {
      latest = JSON.stringify({ step, detail });
      writing ??= write();
    },
    async clear() {
      latest = null;
      await writing;
      await rm(path, { force: true }).catch((err: unknown) => {
        log.warn({ err }, "how a step stood cannot be removed");
      });
    },
  };
}

async function replace(path: string, text: string): Promise<void> {
  const unfinished = unfinishedName(path);
  try {
    await writeFile(unfinished, text, { mode: 0o600 });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}
