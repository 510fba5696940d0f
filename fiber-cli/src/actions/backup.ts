import { FiberError } from "#contracts";
import {
  type BackupFound,
  copyBackup,
  createBackup,
  createReleaseStore,
  findBackup,
  findPgTools,
  listBackups,
  majorOf,
  planBackup,
  proveBackup,
  pruneBackups,
  restorableTags,
  verifyBackup,
} from "#rollback";
import { stateFolder } from "#runtime";
import { confirm } from "../ask.js";
import { openDataPorts } from "../data-ports.js";
import { formatBytes, formatSeconds, formatTable, printResult, tell } from "../terminal.js";

/** Options as commander hands them over. */
interface Options {
  readonly tag?: string;
  readonly name?: string;
  readonly recipient?: string;
  readonly identity?: string;
  readonly good?: readonly string[];
  readonly to?: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** `fiber backup create` */
export async function runCreate(options: Options): Promise<void> {
  const { ports, endProgress } = await openDataPorts();
  const { name, recipient } = options;
  const request = {
    tag: options.tag ?? process.env.FIBER_RELEASE ?? "dev",
    ...(name === undefined ? {} : { name }),
    ...(recipient === undefined ? {} : { recipient }),
  };
  if (options.dryRun === true) {
    const plan = await planBackup(ports, request);
    return printResult(options.json === true, plan, () =>
      [
        `Would write ${plan.path}, about ${formatBytes(plan.expectedBytes)}, with pg_dump ` +
          `${plan.pgDumpVersion} from PostgreSQL ${plan.serverVersion}.`,
        "Nothing was changed.",
      ].join("\n"),
    );
  }
  const made = await createBackup(ports, request).finally(endProgress);
  printResult(options.json === true, made, () => {
    const { manifest } = made;
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    return [
      `${made.path}`,
      `${formatBytes(manifest.file.sizeBytes)}, ${rows.toLocaleString("en")} rows in ` +
        `${manifest.tables.length} tables, migration ${manifest.migrationHead ?? "none"}, ` +
        `${formatSeconds(manifest.durationMs / 1_000)}. Read back to its end; not proven yet: ` +
        "fiber backup prove",
      `${made.link} points at it.`,
    ].join("\n");
  });
}

/** `fiber backup list` */
export async function runList(options: Options): Promise<void> {
  const found = await listBackups(await stateFolder());
  printResult(options.json === true, found, () =>
    found.length === 0
      ? "There is no backup yet: fiber backup create"
      : formatTable([
          ["tag", "taken", "size", "rows", "migration", "proven", "file"],
          ...found.map(listed),
        ]),
  );
}

/** `fiber backup verify` */
export async function runVerify(wanted: string, options: Options): Promise<void> {
  const { ports, endProgress } = await openDataPorts();
  const { path, manifest } = await findBackup(ports.stateDir, wanted);
  const tools = await findPgTools(manifest === null ? 0 : majorOf(manifest.server.version));
  const source = { path, tools, ...identityOf(options) };
  const report = await verifyBackup(source, ports.progress).finally(endProgress);
  const sound = report.problems.length === 0;
  printResult(options.json === true, { ...report, sound }, () =>
    sound
      ? `${path} is sound: read to its end, as its manifest says. It is ` +
        `${report.manifest?.provenAt ? `proven (${report.manifest.provenAt})` : "not proven yet"}.`
      : report.problems.map((one) => `${one.code}: ${one.message}`).join("\n"),
  );
  if (!sound) throw new FiberError("BACKUP_UNSOUND", `${path} cannot be trusted.`);
}

/** `fiber backup prove` */
export async function runProve(wanted: string, options: Options): Promise<void> {
  const { ports, endProgress } = await openDataPorts();
  const { path } = await findBackup(ports.stateDir, wanted);
  const proof = await proveBackup(ports, { path, ...identityOf(options) }).finally(endProgress);
  printResult(options.json === true, proof, () =>
    proof.provenAt === null
      ? proof.differences.map((one) => `differs: ${one}`).join("\n")
      : `${path} is proven: restored in ${formatSeconds(proof.restoreMs / 1_000)}, every table ` +
        "equal to its manifest, row by row.",
  );
  if (proof.provenAt === null) {
    throw new FiberError("BACKUP_UNSOUND", `${path} does not hold what its manifest says.`);
  }
}

/** `fiber backup prune` */
export async function runPrune(options: Options): Promise<void> {
  const { ports } = await openDataPorts();
  const goodReleases = options.good ?? (await tagsToKeep(ports.stateDir));
  const plan = await pruneBackups(ports, { goodReleases, dryRun: true });
  const dry = options.dryRun === true;
  if (!dry && plan.remove.length > 0) {
    tell(plan.remove.join("\n"));
    await confirm(`Remove these ${plan.remove.length} backups for good?`, options.yes === true);
    await pruneBackups(ports, { goodReleases, dryRun: false });
  }
  printResult(options.json === true, { ...plan, dryRun: dry }, () =>
    [
      ...plan.keep.map((one) => `keep    ${one.id}  (${one.reasons.join(", ")})`),
      ...plan.remove.map((one) => `${dry ? "remove " : "removed"} ${one}`),
      `${formatBytes(plan.freedBytes)} ${dry ? "would be freed. Nothing was changed." : "freed."}`,
    ].join("\n"),
  );
}

async function tagsToKeep(stateDir: string): Promise<readonly string[]> {
  return restorableTags(await createReleaseStore(stateDir).list(), await listBackups(stateDir));
}

/** `fiber backup copy` */
export async function runCopy(wanted: string, options: Options): Promise<void> {
  const { ports } = await openDataPorts();
  const destination = options.to ?? process.env.FIBER_BACKUP_COPY_TO;
  if (destination === undefined || destination === "") {
    throw new FiberError("USAGE", "Say where to: --to PLACE, or set FIBER_BACKUP_COPY_TO.");
  }
  const backup = await findBackup(ports.stateDir, wanted);
  if (options.dryRun === true) {
    return printResult(
      options.json === true,
      { path: backup.path, destination },
      () =>
        `Would copy ${backup.path} (${formatBytes(backup.sizeBytes)}) to ${destination}. Nothing was done.`,
    );
  }
  const copied = await copyBackup(ports, backup, destination);
  printResult(options.json === true, copied, () => `${copied.path} is copied to ${destination}.`);
}

function listed(one: BackupFound): readonly string[] {
  const { manifest } = one;
  const taken = new Date(one.createdMs).toISOString().slice(0, 19).replace("T", " ");
  if (manifest === null) {
    return [one.tag, taken, formatBytes(one.sizeBytes), "?", "?", one.problem ?? "no", one.path];
  }
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    one.tag,
    taken,
    formatBytes(one.sizeBytes),
    rows.toLocaleString("en"),
    manifest.migrationHead ?? "none",
    manifest.provenAt === null ? "no" : manifest.provenAt.slice(0, 10),
    one.path,
  ];
}

function identityOf(options: Options): { readonly identityFile?: string } {
  return options.identity === undefined ? {} : { identityFile: options.identity };
}
