import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** Files read at once: as many as Node has threads for. */
const READERS = 4;

interface Entry {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly kind: "file" | "program" | "folder" | "link";
  readonly sizeBytes: number;
}

/**
 * The digest of a folder: SHA-256 over the sorted list of what lies in it, each with its path, its
 * kind and its content. Owners, times and write permissions do not count.
 */
export async function digestTree(
  root: string,
): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
  const entries = (await listTree(root)).sort((a, b) => (a.path < b.path ? -1 : 1));
  const contents = new Array<string>(entries.length);
  let next = 0;
  const reader = async () => {
    for (let index = next++; index < entries.length; index = next++) {
      const entry = entries[index];
      if (entry !== undefined) contents[index] = await contentOf(root, entry);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  const hash = createHash("sha256");
  for (const [index, entry] of entries.entries()) {
    hash.update(`${entry.kind}\0${entry.path}\0${contents[index]}\n`);
  }
  return {
    digest: `sha256:${hash.digest("hex")}`,
    sizeBytes: entries.reduce((sum, entry) => sum + entry.sizeBytes, 0),
  };
}

/** Everything below a folder; what is neither file, folder nor link is left out. */
async function listTree(root: string): Promise<Entry[]> {
  const found: Entry[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        found.push({ path, kind: "folder", sizeBytes: 0 });
        await visit(path);
      } else if (entry.isSymbolicLink()) {
        found.push({ path, kind: "link", sizeBytes: 0 });
      } else if (entry.isFile()) {
        const { mode, size } = await lstat(join(root, path));
        found.push({ path, kind: (mode & 0o111) === 0 ? "file" : "program", sizeBytes: size });
      }
    }
  };
  await visit("");
  return found;
}

async function contentOf(root: string, { path, kind }: Entry): Promise<string> {
  if (kind === "folder") return "";
  if (kind === "link") return readlink(join(root, path));
  const hash = createHash("sha256");
  await pipeline(createReadStream(join(root, path)), hash);
  return hash.digest("hex");
}
