import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { FiberError } from "#contracts";
import { readTargets, type TargetInput } from "#probe";

/** A probe.yaml whose targets are edited in place: comments and order stay. */
export interface TargetFile {
  readonly path: string;
  readonly targets: readonly TargetInput[];
  /** The file with one more target. */
  add(target: TargetInput): void;
  /** The file without the target at this place of `targets`. */
  remove(index: number): void;
  /** Writes the file whole, after checking it the way a probe would. */
  save(): void;
}

/** The file to work on: as given, else FIBER_PROBE_CONFIG, else ./probe.yaml. */
export function targetFilePath(given: string | undefined): string {
  return resolve(given ?? (process.env.FIBER_PROBE_CONFIG || "probe.yaml"));
}

/**
 * Opens a probe.yaml; a missing one is taken as empty and made by `save`.
 *
 * @throws FiberError CONFIG_INVALID for a file that a probe would refuse
 */
export function openTargetFile(path: string): TargetFile {
  const exists = existsSync(path);
  const targets = exists ? readTargets(path) : [];
  const document = parseDocument(exists ? readFileSync(path, "utf8") : "{}\n");
  return {
    path,
    targets,
    add(target) {
      const entry = document.createNode(target, { flow: true });
      targetList(document, path).add(entry);
    },
    remove(index) {
      targetList(document, path).delete(index);
    },
    save: () => save(path, document),
  };
}

function targetList(document: Document, path: string): YAMLSeq {
  if (document.contents === null) document.contents = document.createNode({}) as YAMLMap;
  if (!isMap(document.contents)) {
    throw new FiberError("CONFIG_INVALID", `${path} is no mapping of keys to values.`);
  }
  // An empty "{}" or "[]" would keep its braces and grow into one long line.
  document.contents.flow = false;
  const found = document.contents.get("targets");
  if (!isSeq(found)) {
    document.contents.set("targets", document.createNode([]));
  }
  const list = document.contents.get("targets");
  if (!isSeq(list)) throw new FiberError("CONFIG_INVALID", `${path}: targets is no list.`);
  if (list.items.length === 0) list.flow = false;
  return list;
}

/** Checked beside, then renamed: a probe that reads meanwhile sees the old file or the new one. */
function save(path: string, document: Document): void {
  const unfinished = `${path}.${process.pid}.new`;
  try {
    writeFileSync(unfinished, document.toString({ lineWidth: 0 }));
    readTargets(unfinished);
    renameSync(unfinished, path);
  } catch (err) {
    if (!(err instanceof FiberError)) throw err;
    throw new FiberError(err.code, err.message.replaceAll(unfinished, path), { cause: err });
  } finally {
    rmSync(unfinished, { force: true });
  }
}
