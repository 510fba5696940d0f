import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { backupsFolder } from "../backup/places.js";

/** The format of `base.json` that this code writes. */
export const BASE_FORMAT = 1;

/** What lies in a base backup's folder and says what it holds: `base.json`. */
export const baseManifestSchema = z.object({
  format: z.literal(BASE_FORMAT),
  createdAt: z.iso.datetime(),
  durationMs: z.number().int().nonnegative(),
  serverVersion: z.string(),
  major: z.number().int(),
  systemIdentifier: z.string(),
  timeline: z.number().int(),
  /** From here on WAL is needed; from `stopLsn` on the copy is consistent. */
  startLsn: z.string(),
  stopLsn: z.string(),
  segmentBytes: z.number().int(),
  clusterBytes: z.number().int(),
  /** A superuser of the cluster. */
  user: z.string(),
  limits: z.record(z.string(), z.string()),
  files: z.array(z.object({ name: z.string(), sizeBytes: z.number(), sha256: z.string() })),
});

/** See {@link baseManifestSchema}. */
export type BaseManifest = z.infer<typeof baseManifestSchema>;

/** A base backup on the disk. */
export interface BaseFound {
  /** Its folder. */
  readonly path: string;
  readonly manifest: BaseManifest;
  /** When it was complete, epoch ms: the earliest time it can be recovered to. */
  readonly endMs: number;
}

/** `<state>/backups/base`. */
export function basesFolder(stateDir: string): string {
  return join(backupsFolder(stateDir), "base");
}

/**
 * All complete base backups, oldest first.
 *
 * @throws FiberError MANIFEST_TOO_NEW, MANIFEST_INVALID
 */
export async function listBases(stateDir: string): Promise<readonly BaseFound[]> {
  const root = basesFolder(stateDir);
  const names = await readdir(root).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw cause;
  });
  const found: BaseFound[] = [];
  for (const name of names.filter((one) => !one.startsWith(".")).sort()) {
    const path = join(root, name);
    const manifest = parseBase(await readFile(join(path, "base.json"), "utf8"), path);
    found.push({ path, manifest, endMs: Date.parse(manifest.createdAt) + manifest.durationMs });
  }
  return found.sort((a, b) => a.endMs - b.endMs);
}

function parseBase(text: string, path: string): BaseManifest {
  const json: unknown = JSON.parse(text);
  const parsed = baseManifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const format = z.object({ format: z.number() }).safeParse(json);
  const newer = format.success && format.data.format > BASE_FORMAT;
  throw new FiberError(
    newer ? "MANIFEST_TOO_NEW" : "MANIFEST_INVALID",
    newer
      ? `${path} was made by a newer version of fiber (format ${format.data.format}). Use that version.`
      : `${path}/base.json is not usable: ${z.prettifyError(parsed.error)}\nTake another: fiber backup base.`,
  );
}
