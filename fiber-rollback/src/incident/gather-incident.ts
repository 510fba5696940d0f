import { z } from "zod";
import { type Db, nodeRounds } from "#db";
import type { Clock, Logger } from "#runtime";
import { listBackups } from "../backup/list-backups.js";
import { readRun } from "../engine/read-run.js";
import type { RunRecord } from "../engine/run-record.js";
import { readJournalLines } from "../engine/run-store.js";
import type { Git } from "../git/run-git.js";
import type { Project } from "../project/project-file.js";
import { CHECKLIST } from "./checklist.js";
import type { Incident } from "./incident-file.js";
import { noticeOf } from "./notice-of.js";
import { findSuspects } from "./suspects.js";
import { commandsOf, timelineOf } from "./timeline.js";

/** Graphs begin this long before the run, ms. */
const BEFORE_MS = 15 * 60_000;
const SLICES = 120;

/** What an incident is gathered from. */
export interface IncidentSources {
  readonly stateDir: string;
  readonly project: Pick<Project, "name" | "contacts">;
  /** Null for a project without a database. */
  readonly db: Db | null;
  /** Null when the repository cannot be asked. */
  readonly git: Git | null;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
}

/** Gathers everything that is known of a run; what cannot be read is said to be unknown. */
export async function gatherIncident(sources: IncidentSources, runId: string): Promise<Incident> {
  const { stateDir, project, git, clock } = sources;
  const run = await readRun(stateDir, runId);
  const lines = await readJournalLines(stateDir, runId);
  const now = new Date(clock.now()).toISOString();
  const { plan } = run;
  const failure = lines.find((line) => line.event === "failed");
  const words =
    failure?.event === "failed"
      ? `${failure.step}: ${String(failure.detail.message)}`
      : plan.reason;
  const releases =
    plan.kind === "deploy" ? { good: plan.from, bad: plan.to } : { good: plan.to, bad: plan.from };
  const told = tellOutcome(run);
  const incident = {
    format: 1 as const,
    id: runId,
    project: project.name,
    ...told,
    openedAt: now,
    closedAt: null,
    closedBy: null,
    run: {
      kind: plan.kind,
      level: (run.takenBackBy?.plan ?? plan).level,
      why: (run.takenBackBy?.plan ?? plan).why,
      from: plan.from,
      to: plan.to,
      operator: plan.operator,
      host: plan.host,
      reason: plan.reason,
      startedAt: run.startedAt,
      endedAt: run.endedAt ?? lines.at(-1)?.at ?? now,
      outcome: told.title,
    },
    cause: await findSuspects(git, releases, words),
    loss: lossOf(run),
    timeline: [...timelineOf(run, lines)],
    commands: [...commandsOf(run)],
    gates: gatesOf(run),
    probes: await readProbes(sources, run),
    backup: await findBackupOf(stateDir, run),
    checklist: CHECKLIST.map((item) => ({
      ...item,
      // This report is itself the item.
      doneAt: item.id === "report" ? now : null,
      doneBy: item.id === "report" ? "fiber" : null,
      note: null,
    })),
    contacts: project.contacts.map(({ role, contact }) => ({ role, contact })),
    notified: [],
  };
  return { ...incident, notice: noticeOf(incident) };
}

/** Whether the stack is as it should be again, in one line. */
function tellOutcome(run: RunRecord): Pick<Incident, "title" | "severity"> {
  const { plan, takenBackBy, failure } = run;
  const [from, to] = [plan.from ?? "nothing", plan.to ?? "nothing"];
  const last = takenBackBy?.steps ?? run.steps;
  const verified = last.some((step) => step.id === "verify" && step.state === "done");
  const broken = last.some((step) => step.state === "failed");
  const ok = !broken && (verified || run.state === "done" || run.state === "taken-back");
  const severity = ok ? ("resolved" as const) : ("failed" as const);
  if (plan.kind === "deploy") {
    const why = failure === null ? "" : ` at ${failure.step}`;
    const title = ok
      ? `Deploy of ${to} failed${why}; ${from} serves again`
      : `Deploy of ${to} failed${why}, and taking it back to ${from} did not end well`;
    return { severity, title };
  }
  const verb = plan.kind === "undo" ? "Undo" : "Rollback";
  return {
    severity,
    title: ok
      ? `${verb} from ${from} to ${to} done and verified`
      : `${verb} from ${from} to ${to} stopped${failure === null ? "" : ` at ${failure.step}`}`,
  };
}

function lossOf(run: RunRecord): Incident["loss"] {
  const { statement, tables } = (run.takenBackBy?.plan ?? run.plan).loss;
  return { statement, tables: tables.map((one) => ({ ...one })) };
}

const gatesSchema = z.object({
  gates: z.array(z.object({ title: z.string(), verdict: z.string(), value: z.string() })),
});

/** The last verification's gates, from the detail that its step left. */
function gatesOf(run: RunRecord): Incident["gates"] {
  const steps = [...run.steps, ...(run.takenBackBy?.steps ?? [])];
  const last = steps.findLast((step) => step.id === "verify" && step.detail !== null);
  const parsed = gatesSchema.safeParse(last?.detail);
  return parsed.success ? parsed.data.gates : [];
}

async function readProbes(
  { db, clock, log }: IncidentSources,
  run: RunRecord,
): Promise<Incident["probes"]> {
  if (db === null) return null;
  const endMs = clock.now();
  const runStart = run.startedAt;
  const runEnd = run.endedAt ?? new Date(endMs).toISOString();
  const startMs = Date.parse(runStart) - BEFORE_MS;
  try {
    const nodes = await nodeRounds(db, { startMs, endMs, slices: SLICES });
    return {
      start: new Date(startMs).toISOString(),
      end: new Date(endMs).toISOString(),
      runStart,
      runEnd,
      nodes: nodes.map(({ slices, gap, ...node }) => {
        const at = new Map(slices.map((one) => [one.slice, one]));
        const all = Array.from({ length: SLICES }, (_, slice) => at.get(slice) ?? null);
        return {
          ...node,
          rttMs: all.map((one) => one?.rttMs ?? null),
          lossPct: all.map((one) => one?.lossPct ?? null),
          gapStart: new Date(gap.startMs).toISOString(),
          gapEnd: new Date(gap.endMs).toISOString(),
        };
      }),
    };
  } catch (err) {
    log.warn({ err }, "the samples around the run cannot be read");
    return null;
  }
}

/** The newest backup that was taken before the run ended, of either release, with its checksum. */
async function findBackupOf(stateDir: string, run: RunRecord): Promise<Incident["backup"]> {
  const tags = [run.plan.from, run.plan.to];
  const all = await listBackups(stateDir);
  const found = all.find((one) => one.manifest !== null && tags.includes(one.tag));
  if (found === undefined || found.manifest === null) return null;
  return {
    path: found.path,
    sha256: found.manifest.file.sha256,
    sizeBytes: found.manifest.file.sizeBytes,
    createdAt: found.manifest.createdAt,
  };
}
