import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeDurably } from "../../durable-files.js";
import { releaseFolder, releaseTree } from "../../releases/release-places.js";
import type { Artefact } from "../deploy-driver.js";

const recordSchema = z.object({
  format: z.literal(1),
  tag: z.string(),
  commit: z.string(),
  digest: z.string(),
  sizeBytes: z.number(),
  builtAt: z.string(),
  /** Node's version that built it. */
  node: z.string(),
});

const recordFile = (stateDir: string, tag: string) =>
  join(releaseFolder(stateDir, tag), "artefact.json");

/**
 * What a tag was built into, by its record alone: nobody has looked whether the tree is still what
 * the digest says. Null when it was never built to its end.
 */
export async function recordedFolder(stateDir: string, tag: string): Promise<Artefact | null> {
  const text = await readFile(recordFile(stateDir, tag), "utf8").catch(
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT") return null;
      throw err;
    },
  );
  if (text === null) return null;
  const record = parseRecord(text);
  // A damaged record counts as none: the tag is then built again.
  if (record === null || record.tag !== tag) return null;
  const { commit, digest, sizeBytes } = record;
  return { kind: "folder", ref: releaseTree(stateDir, tag), tag, commit, digest, sizeBytes };
}

/** Records a finished tree: from now on it counts. */
export async function recordFolder(stateDir: string, artefact: Artefact): Promise<void> {
  const { tag, commit, digest, sizeBytes } = artefact;
  const builtAt = new Date().toISOString();
  const record = { format: 1, tag, commit, digest, sizeBytes, builtAt, node: process.version };
  await writeDurably(recordFile(stateDir, tag), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record's place, to remove it before its tree. */
export const artefactRecordFile = recordFile;

function parseRecord(text: string): z.output<typeof recordSchema> | null {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
