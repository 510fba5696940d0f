import { basename } from "node:path";
import { FiberError } from "#contracts";
import type { Progress } from "../progress.js";
import { hashFile } from "./dump-to-file.js";
import {
  type DumpContents,
  type DumpProblem,
  type DumpSource,
  inspectDump,
} from "./inspect-dump.js";
import { type Manifest, readManifest } from "./manifest.js";

/** What a verification found; a backup is sound when there are no problems. */
export interface VerifyReport {
  readonly path: string;
  readonly manifest: Manifest | null;
  readonly contents: DumpContents | null;
  readonly problems: readonly DumpProblem[];
}

/**
 * Reads a dump to its end and compares it with its manifest: name, size, SHA-256 and tables. Needs
 * no server and writes nothing. An encrypted dump without an identity file is checked by its
 * checksum alone.
 *
 * @throws FiberError BACKUP_KEY_WRONG for an identity file that does not fit
 */
export async function verifyBackup(source: DumpSource, progress: Progress): Promise<VerifyReport> {
  const { path } = source;
  const { manifest, problem } = await manifestOf(path);
  progress({ step: "verify", done: 0, total: manifest?.file.sizeBytes ?? null, unit: "bytes" });
  const problems: DumpProblem[] = problem === null ? [] : [problem];
  const sealed = manifest?.file.encryption === "age" && source.identityFile === undefined;
  const inspected = await inspectDump(source);
  if (inspected.problem !== null && !(sealed && inspected.problem.code === "DUMP_ENCRYPTED")) {
    problems.push(inspected.problem);
  }
  const absent = ["DUMP_MISSING", "DUMP_EMPTY"].includes(inspected.problem?.code ?? "");
  if (manifest !== null && !absent) {
    problems.push(...(await compare(path, manifest, inspected.contents)));
  }
  return { path, manifest, contents: inspected.contents, problems };
}

/**
 * @returns the manifest of a sound backup
 * @throws FiberError with the first problem's code and all problems' messages
 */
export function refuseUnsound(report: VerifyReport): Manifest {
  const [first] = report.problems;
  if (first === undefined && report.manifest !== null) return report.manifest;
  throw new FiberError(
    first?.code ?? "MANIFEST_MISSING",
    report.problems.map((one) => one.message).join("\n"),
  );
}

async function manifestOf(
  path: string,
): Promise<{ manifest: Manifest | null; problem: DumpProblem | null }> {
  try {
    return { manifest: await readManifest(path), problem: null };
  } catch (err) {
    if (!(err instanceof FiberError)) throw err;
    const code = err.code as DumpProblem["code"];
    return { manifest: null, problem: { code, message: err.message } };
  }
}

async function compare(
  path: string,
  manifest: Manifest,
  contents: DumpContents | null,
): Promise<readonly DumpProblem[]> {
  const problems: DumpProblem[] = [];
  const { file } = manifest;
  if (file.name !== basename(path)) {
    problems.push(mismatch(path, `it describes ${file.name}`));
  }
  const sha256 = await hashFile(path);
  if (sha256 !== file.sha256) {
    problems.push({
      code: "CHECKSUM_MISMATCH",
      message:
        `${path} is not the file that its manifest describes: SHA-256 ${sha256} instead of ` +
        `${file.sha256}. It was changed or damaged after it was written; use a copy or another ` +
        "backup: fiber backup list.",
    });
  }
  if (contents !== null) {
    const held = new Set(contents.tables);
    const lacking = manifest.tables.filter((table) => !held.has(unquoted(table.name)));
    if (lacking.length > 0) {
      problems.push(mismatch(path, `it lists ${lacking.map((t) => t.name).join(", ")}, not in it`));
    }
  }
  return problems;
}

function unquoted(name: string): string {
  return name.replaceAll('"', "");
}

function mismatch(path: string, why: string): DumpProblem {
  return {
    code: "MANIFEST_MISMATCH",
    message: `The manifest beside ${path} is another dump's: ${why}. Put its own manifest back.`,
  };
}
