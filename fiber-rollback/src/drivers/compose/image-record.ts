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
  /** Over the tree and the image. */
  digest: z.string(),
  treeDigest: z.string(),
  /** The image's id, which is a digest over its content. */
  image: z.string(),
  /** Its name, with the tag. */
  name: z.string(),
  sizeBytes: z.number(),
  builtAt: z.string(),
});

/** What a tag was built into: an image, and the checked-out tree that it was built from. */
export type ImageRecord = Omit<z.output<typeof recordSchema>, "format" | "builtAt">;

/** `<state>/releases/<tag>/image.json`. */
export function imageRecordFile(stateDir: string, tag: string): string {
  return join(releaseFolder(stateDir, tag), "image.json");
}

/** The record of a tag; null when it was never built to its end, or the record is damaged. */
export async function readImageRecord(stateDir: string, tag: string): Promise<ImageRecord | null> {
  const text = await readFile(imageRecordFile(stateDir, tag), "utf8").catch(
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT") return null;
      throw err;
    },
  );
  if (text === null) return null;
  try {
    const record = recordSchema.parse(JSON.parse(text));
    return record.tag === tag ? record : null;
  } catch {
    return null;
  }
}

/** Records a finished image: from now on it counts. */
export async function writeImageRecord(stateDir: string, record: ImageRecord): Promise<void> {
  const whole = { format: 1, ...record, builtAt: new Date().toISOString() };
  await writeDurably(imageRecordFile(stateDir, record.tag), `${JSON.stringify(whole, null, 2)}\n`);
}

/** The artefact of a record. Its `ref` is the tree: whoever needs the image asks the driver. */
export function artefactOf(stateDir: string, record: ImageRecord): Artefact {
  const { tag, commit, digest, sizeBytes } = record;
  return { kind: "image", ref: releaseTree(stateDir, tag), tag, commit, digest, sizeBytes };
}
