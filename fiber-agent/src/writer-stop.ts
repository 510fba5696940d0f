import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const markPath = (stateDir: string) => join(stateDir, "writer.stopped");

/**
 * Remembers that the roles that write were stopped by a run, so that a supervisor that is started
 * anew during that run neither starts them nor touches the schema.
 */
export async function rememberWriterStop(stateDir: string): Promise<void> {
  await writeFile(markPath(stateDir), `${new Date().toISOString()}\n`, { flush: true });
}

/** The roles that write may run again. */
export async function forgetWriterStop(stateDir: string): Promise<void> {
  await rm(markPath(stateDir), { force: true });
}

/** Whether a run has stopped the roles that write. */
export function isWriterStopped(stateDir: string): boolean {
  return existsSync(markPath(stateDir));
}
