import { randomBytes } from "node:crypto";
import { FiberError } from "#contracts";
import {
  createScratchDatabase,
  dropScratchDatabase,
  lockProof,
  openSession,
  readServerFacts,
  type Session,
  unlockProof,
  withSession,
} from "#db";
import { connectionEnv, findPgTools, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import { refuseFailedTool, type ToolEnd } from "../run-tool.js";
import { compareContents } from "./compare-contents.js";
import { type DumpSource, startPgRestore } from "./inspect-dump.js";
import { type Manifest, updateManifest } from "./manifest.js";
import { readContents } from "./read-contents.js";
import { refuseUnsound, verifyBackup } from "./verify-backup.js";

/** What a proof found: nothing differs, or each difference in a sentence. */
export interface ProofReport {
  readonly path: string;
  /** When it was proven; null when something differs. */
  readonly provenAt: string | null;
  readonly differences: readonly string[];
  /** How long the restore alone took. */
  readonly restoreMs: number;
}

const SCRATCH_PREFIX = "fiber_prove_";

/**
 * Proves a backup: restores it into a scratch database on the server, compares rows and hashes of
 * every table with the manifest, notes the time in the manifest, and drops the scratch database
 * whatever happens. The living database is not touched.
 *
 * @throws FiberError as verifyBackup's problems; RESTORE_FAILED, DISK_FULL, BACKUP_KEY_WRONG
 */
export async function proveBackup(
  ports: DataPorts,
  backup: { readonly path: string; readonly identityFile?: string },
): Promise<ProofReport> {
  const admin = await openSession(ports.admin, "fiber backup prove");
  try {
    const facts = await readServerFacts(admin);
    const source: DumpSource = {
      ...backup,
      tools: await findPgTools(facts.major),
      signal: ports.signal,
    };
    const manifest = refuseUnsound(await verifyBackup(source, ports.progress));
    refuseSealed(source, manifest);
    return await inScratchDatabase(admin, manifest, (scratch) =>
      restoreAndCompare(ports, { source, manifest, scratch }),
    );
  } finally {
    await admin.close();
  }
}

/** @throws FiberError DUMP_ENCRYPTED when a dump's manifest says so and no key was given */
export function refuseSealed(
  { path, identityFile }: Pick<DumpSource, "path" | "identityFile">,
  manifest: Manifest,
): void {
  if (manifest.file.encryption === null || identityFile !== undefined) return;
  throw new FiberError(
    "DUMP_ENCRYPTED",
    `${path} is encrypted with age: give its identity file with --identity FILE.`,
  );
}

/** Whether pg_restore did all it should: exit 0, or only the one error that newer clients cause. */
export function refuseFailedRestore(end: ToolEnd, source: DumpSource, what: string): void {
  const errors = end.stderr.split("\n").filter((line) => /pg_restore: error:/.test(line));
  const harmless =
    source.tools.setsUnknownTimeout &&
    errors.length > 0 &&
    errors.every((line) => /unrecognized configuration parameter "transaction_timeout"/.test(line));
  if (!harmless) refuseFailedTool(end, "RESTORE_FAILED", what);
}

async function inScratchDatabase<T>(
  admin: Session,
  manifest: Manifest,
  work: (name: string) => Promise<T>,
): Promise<T> {
  if (!(await lockProof(admin, SCRATCH_PREFIX))) {
    throw new FiberError("PROOF_RUNNING", "Another backup is being proven on this server. Wait.");
  }
  const scratch = `${SCRATCH_PREFIX}${randomBytes(6).toString("hex")}`;
  try {
    await createScratchDatabase(admin, scratch, manifest.server);
    return await work(scratch);
  } finally {
    await dropScratchDatabase(admin, scratch);
    await unlockProof(admin);
  }
}

async function restoreAndCompare(
  ports: DataPorts,
  work: { readonly source: DumpSource; readonly manifest: Manifest; readonly scratch: string },
): Promise<ProofReport> {
  const { source, manifest, scratch } = work;
  const url = urlOfDatabase(ports.admin, scratch);
  const startedMs = ports.clock.now();
  const args = ["--no-owner", "--no-acl", "--no-password", `--dbname=${scratch}`];
  // Newer clients set a parameter that the server does not know: that one error is accepted.
  if (!source.tools.setsUnknownTimeout) args.push("--exit-on-error");
  ports.progress({ step: "restore", done: 0, total: null, unit: "rows" });
  const restore = await startPgRestore(source, args, connectionEnv(url));
  restore.stdout.resume();
  refuseFailedRestore(await restore.ended, source, `The trial restore of ${source.path}`);
  const restoreMs = ports.clock.now() - startedMs;
  const contents = await withSession(url, async (session) => {
    await session.query("BEGIN READ ONLY");
    return readContents(session, ports.progress);
  });
  const differences = compareContents(manifest, contents);
  if (differences.length > 0) return { path: source.path, provenAt: null, differences, restoreMs };
  const provenAt = new Date(ports.clock.now()).toISOString();
  await updateManifest(source.path, { provenAt });
  ports.log.info({ path: source.path, restoreMs }, "backup proven");
  return { path: source.path, provenAt, differences, restoreMs };
}
