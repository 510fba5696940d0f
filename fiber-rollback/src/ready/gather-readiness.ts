import { access, statfs } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { createPool, readServerFacts, readUserRights } from "#db";
import type { Clock, Logger } from "#runtime";
import { lastCopy } from "../backup/copy-backup.js";
import { listBackups } from "../backup/list-backups.js";
import { listRuns } from "../engine/read-run.js";
import type { RunRecord } from "../engine/run-record.js";
import type { Git } from "../git/run-git.js";
import { tagSignature } from "../git/tag-signature.js";
import { describeHolder, readLockHolder } from "../lock/file-lock.js";
import { createNotifiers } from "../notify/create-notifiers.js";
import { findPgTools, urlOfDatabase } from "../pg-tools.js";
import type { DataPorts } from "../ports.js";
import type { Project } from "../project/project-file.js";
import { goodReleases } from "../releases/order-releases.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import type { FindArtefact, ReleaseStore } from "../releases/release-store.js";
import { checkWayDown, lossDownTo, readDatabase } from "../rollback/read-database.js";
import { archiveHealth } from "../schedule/archive-health.js";
import { backupHealth } from "../schedule/backup-health.js";
import { judgeReadiness, type Readiness } from "./judge-readiness.js";
import type { Known, ReadyFacts, WaysDown } from "./ready-facts.js";

/** What readiness is read from; nothing is changed. */
export interface ReadyPorts {
  readonly stateDir: string;
  /** Null when there is no clone to look at, for example in the agent of a server. */
  readonly git: Git | null;
  readonly project: Pick<Project, "contacts" | "notify" | "backup" | "migrations">;
  readonly store: ReleaseStore;
  readonly findArtefact: FindArtefact;
  /** The tag that runs; null for a working tree. */
  readonly running: string | null;
  /** Null where no database is known. */
  readonly data: DataPorts | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
}

/** What a restore beside needs besides the database's own size. */
const BESIDE_FACTOR = 1.25;
const BESIDE_RESERVE_BYTES = 64e6;

/** Looks at everything a rollback needs and judges it. */
export async function readReadiness(ports: ReadyPorts): Promise<Readiness> {
  return judgeReadiness(await gatherReadiness(ports));
}

async function gatherReadiness(ports: ReadyPorts): Promise<ReadyFacts> {
  const { stateDir, project, clock, store } = ports;
  const records = await store.list();
  const target = await findTarget(ports);
  const runs = await listRuns(stateDir);
  const { ways, unusable } = createNotifiers(project.notify, ports.env, clock.now);
  return {
    nowMs: clock.now(),
    running: ports.running,
    target: await known(() => describeTarget(ports, target)),
    withoutArtefact: await goneArtefacts(ports, records, target),
    backup: await backupFacts(ports),
    ...(await serverFacts(ports, { target, records })),
    lock: await lockFacts(stateDir),
    unfinished: unfinishedRun(runs),
    rehearsal: rehearsalOf(runs),
    contacts: project.contacts,
    notify: {
      ways: ways.map(({ way, where }) => `${way} (${where})`),
      unusable: unusable.map(({ way, why }) => `${way}: ${why}`),
    },
    hasDatabase: project.migrations !== null,
  };
}

function findTarget({ store, findArtefact, running }: ReadyPorts): Promise<ReleaseRecord | null> {
  return store.lastKnownGood(findArtefact, running === null ? {} : { except: running });
}

async function describeTarget(
  { git }: ReadyPorts,
  target: ReleaseRecord | null,
): Promise<{
  tag: string;
  commit: string;
  signature: { status: string; why: string | null };
} | null> {
  if (target === null) return null;
  const { tag, commit, signature } = target;
  const hasTag =
    git !== null &&
    (await git.try(["git", "rev-parse", "--verify", "--quiet", `refs/tags/${tag}`])).exitCode === 0;
  if (git === null || !hasTag) {
    const why = `as it was recorded on deploy; the tag is not in this clone`;
    return { tag, commit, signature: { status: signature.status, why } };
  }
  const { status, why } = await tagSignature(git, tag);
  return { tag, commit, signature: { status, why } };
}

/** Good releases newer than the target that cannot be gone back to. */
async function goneArtefacts(
  { running, findArtefact }: ReadyPorts,
  records: readonly ReleaseRecord[],
  target: ReleaseRecord | null,
): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const record of goodReleases(records)) {
    if (record.tag === target?.tag) break;
    if (record.tag === running) continue;
    const found = record.artefact === null ? null : await findArtefact(record.tag);
    if (found?.digest !== record.artefact?.digest || found === null) gone.push(record.tag);
  }
  return gone;
}

async function backupFacts({
  stateDir,
  project,
  clock,
}: ReadyPorts): Promise<ReadyFacts["backup"]> {
  const [all, copied, health] = await Promise.all([
    listBackups(stateDir),
    lastCopy(stateDir),
    backupHealth(stateDir, clock.now()),
  ]);
  const proven = all.find((one) => one.manifest?.provenAt != null);
  return {
    provenMs: proven?.createdMs ?? null,
    provenPath: proven?.path ?? null,
    objectiveMs: project.backup.proven_within_h * 3_600_000,
    copiedMs: copied?.copiedMs ?? null,
    problems: health.light === "amber" ? health.reasons : [],
  };
}

type ServerPart = Pick<ReadyFacts, "archive" | "waysDown" | "disk" | "tools" | "rights">;

async function serverFacts(
  ports: ReadyPorts,
  about: { readonly target: ReleaseRecord | null; readonly records: readonly ReleaseRecord[] },
): Promise<ServerPart> {
  const { data, env, stateDir, log } = ports;
  if (data === null || ports.project.migrations === null) {
    const unknown = { unknown: "no database is known here" };
    return { archive: unknown, waysDown: unknown, disk: unknown, tools: unknown, rights: unknown };
  }
  const pool = createPool({
    connectionString: urlOfDatabase(data.admin, data.database),
    applicationName: "fiber ready",
    max: 2,
    onError: (err) => log.warn({ err }, "a connection of fiber ready broke"),
  });
  try {
    const server = await known(() => readServerFacts(pool));
    return {
      archive: await known(() => archiveHealth(pool)),
      rights: await known(() => readUserRights(pool)),
      waysDown: await known(() => waysDownOf(data, about)),
      disk: await mapped(server, (facts) => diskFacts(stateDir, facts.databaseSizeBytes)),
      tools: await mapped(server, ({ major, version }) => toolsFor(major, version, env)),
    };
  } finally {
    await pool.end();
  }
}

async function toolsFor(major: number, server: string, env: ReadyPorts["env"]) {
  try {
    const { version, setsUnknownTimeout } = await findPgTools(major, env);
    return { client: version, server, setsUnknownTimeout };
  } catch (err) {
    if (!(err instanceof FiberError)) throw err;
    return { problem: err.message };
  }
}

async function waysDownOf(
  data: DataPorts,
  { target, records }: { target: ReleaseRecord | null; records: readonly ReleaseRecord[] },
): Promise<WaysDown> {
  if (target === null) return { revisions: [], check: { kind: "sound" }, loss: null };
  const { head } = target.migrations;
  const state = await readDatabase(data);
  const revisions = state.applied
    .map((row) => row.revision)
    .filter((revision) => head === null || revision > head);
  const check = await checkWayDown(data, state, {
    ...{ head, folder: null },
    records: async () => records,
  });
  return { revisions, check, loss: await lossDownTo(data, state, head) };
}

async function diskFacts(
  stateDir: string,
  databaseBytes: number,
): Promise<{ freeBytes: number; neededBytes: number }> {
  const folder = join(stateDir, "postgres", "data");
  const isHere = await access(folder).then(
    () => true,
    () => false,
  );
  if (!isHere) throw new Error("the server's disk cannot be seen from here");
  const { bavail, bsize } = await statfs(folder);
  const neededBytes = databaseBytes * BESIDE_FACTOR + BESIDE_RESERVE_BYTES;
  return { freeBytes: bavail * bsize, neededBytes };
}

async function lockFacts(stateDir: string): Promise<ReadyFacts["lock"]> {
  const found = await readLockHolder(stateDir);
  if (found === null) return { held: "no", by: null };
  return { held: found.alive === "no" ? "stale" : "yes", by: await describeHolder(found) };
}

function unfinishedRun(runs: readonly RunRecord[]): ReadyFacts["unfinished"] {
  const found = runs.find((run) => run.resumable);
  return found === undefined ? null : { id: found.plan.id, running: found.state === "running" };
}

/** The newest run that went back to an earlier release, to its end. */
function rehearsalOf(runs: readonly RunRecord[]): ReadyFacts["rehearsal"] {
  const run = runs.find(
    ({ plan, state }) => state === "taken-back" || (state === "done" && plan.kind !== "deploy"),
  );
  if (run === undefined) return null;
  const back = run.takenBackBy ?? run;
  return {
    id: run.plan.id,
    endedMs: Date.parse(run.endedAt ?? run.startedAt),
    durationMs: back.steps.reduce((sum, step) => sum + (step.durationMs ?? 0), 0),
    sampleMinutes: back.plan.loss.sampleMinutes,
  };
}

/** A failing look is told, not thrown: one thing that is away must not hide the others. */
async function known<T>(look: () => Promise<T>): Promise<Known<T>> {
  try {
    return { value: await look() };
  } catch (err) {
    return { unknown: (err as Error).message };
  }
}

async function mapped<A, B>(from: Known<A>, look: (value: A) => Promise<B>): Promise<Known<B>> {
  return "unknown" in from ? from : known(() => look(from.value));
}
