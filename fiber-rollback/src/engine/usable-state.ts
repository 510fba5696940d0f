import { FiberError } from "#contracts";
import { withReserve } from "./disk-reserve.js";

/**
 * Writes to the state folder before anything is begun. A full disk frees the reserve first.
 *
 * @throws FiberError STATE_FOLDER_UNUSABLE for what the disk refuses: full, read-only, not ours
 */
export async function usable<T>(stateDir: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await withReserve(stateDir, work);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined || cause instanceof FiberError) throw cause;
    throw new FiberError(
      "STATE_FOLDER_UNUSABLE",
      `The state folder ${stateDir} cannot be written: ${message}. Nothing was begun, because a run ` +
        "without its journal could not be taken back. Mend the disk or its mount, then try again.",
      { cause },
    );
  }
}
