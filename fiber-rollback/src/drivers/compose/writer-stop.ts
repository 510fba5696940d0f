import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeDurably } from "../../durable-files.js";

const markPath = (stateDir: string) => join(stateDir, "compose-writer.stopped");

/** Remembers that a run stopped the services that write, for a switch that fails meanwhile. */
export async function rememberWriterStop(stateDir: string): Promise<void> {
  await writeDurably(markPath(stateDir), `${new Date().toISOString()}\n`);
}

/** The services that write may run again. */
export async function forgetWriterStop(stateDir: string): Promise<void> {
  await rm(markPath(stateDir), { force: true });
}

/** Whether a run has stopped the services that write. */
export function isWriterStopped(stateDir: string): boolean {
  return existsSync(markPath(stateDir));
}
