import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { makePrivateFolder, writeDurably } from "../durable-files.js";
import { noticeSchema } from "../notify/message.js";
import { notifyOutcomeSchema } from "../notify/send-notices.js";

const time = z.iso.datetime();

const lineSchema = z.object({
  at: time,
  /** The step's title, or what happened to the run as a whole. */
  what: z.string(),
  state: z.enum(["begun", "done", "failed", "undone", "note"]),
  detail: z.string().nullable(),
});

const commandSchema = z.object({
  step: z.string(),
  command: z.string(),
  /** Null: it was planned and nobody recorded how it ended, or a signal ended it. */
  exitCode: z.int().nullable(),
  durationMs: z.number().nullable(),
});

const probeSchema = z.object({
  nodeId: z.string(),
  region: z.string(),
  intervalMs: z.int(),
  samples: z.int(),
  /** Null where the slice holds no sample: unknown, never zero. */
  rttMs: z.array(z.number().nullable()),
  lossPct: z.array(z.number().nullable()),
  gapStart: time,
  gapEnd: time,
});

const checkSchema = z.object({
  id: z.string(),
  title: z.string(),
  doneAt: time.nullable(),
  doneBy: z.string().nullable(),
  note: z.string().nullable(),
});

/** `<state>/incidents/<id>/incident.json`: everything that the report is made of. */
const incidentSchema = z.object({
  format: z.literal(1),
  /** The run's id. */
  id: z.string().regex(/^[0-9A-Za-z-]{1,64}$/),
  project: z.string(),
  title: z.string(),
  severity: z.enum(["resolved", "failed"]),
  openedAt: time,
  closedAt: time.nullable(),
  closedBy: z.string().nullable(),
  run: z.object({
    kind: z.string(),
    level: z.string(),
    why: z.string(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    operator: z.string(),
    host: z.string(),
    reason: z.string().nullable(),
    startedAt: time,
    endedAt: time,
    outcome: z.string(),
  }),
  cause: z.object({
    /** What failed first, in the run's own words; null for a run that somebody asked for. */
    failure: z.string().nullable(),
    suspects: z.array(
      z.object({
        commit: z.string(),
        author: z.string(),
        at: z.string(),
        subject: z.string(),
        /** Why this one more than the others; null where nothing speaks against it alone. */
        why: z.string().nullable(),
      }),
    ),
    note: z.string(),
  }),
  loss: z.object({
    statement: z.string(),
    tables: z.array(
      z.object({ table: z.string(), rows: z.number(), fate: z.string(), how: z.string() }),
    ),
  }),
  timeline: z.array(lineSchema),
  commands: z.array(commandSchema),
  gates: z.array(z.object({ title: z.string(), verdict: z.string(), value: z.string() })),
  /** What the probes saw from `start` to `end`; null when it could not be read. */
  probes: z
    .object({ start: time, end: time, runStart: time, runEnd: time, nodes: z.array(probeSchema) })
    .nullable(),
  backup: z
    .object({ path: z.string(), sha256: z.string(), sizeBytes: z.number(), createdAt: time })
    .nullable(),
  checklist: z.array(checkSchema),
  contacts: z.array(z.object({ role: z.string(), contact: z.string() })),
  notice: noticeSchema,
  notified: z.array(notifyOutcomeSchema),
});

/** `<state>/incidents/<id>/incident.json`: everything that the report is made of. */
export type Incident = z.output<typeof incidentSchema>;

/** `<state>/incidents/<id>`. */
export function incidentFolder(stateDir: string, id: string): string {
  return join(stateDir, "incidents", id);
}

/**
 * Reads one incident.
 *
 * @throws FiberError INCIDENT_NOT_FOUND, INCIDENT_INVALID
 */
export async function readIncident(stateDir: string, id: string): Promise<Incident> {
  const path = join(incidentFolder(stateDir, id), "incident.json");
  const wellNamed = /^[0-9A-Za-z-]{1,64}$/.test(id);
  const text = wellNamed ? await readFile(path, "utf8").catch(() => null) : null;
  if (text === null) {
    throw new FiberError(
      "INCIDENT_NOT_FOUND",
      `There is no incident "${id}". See: fiber incident list`,
    );
  }
  const parsed = incidentSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new FiberError(
    "INCIDENT_INVALID",
    `${path} is not a usable incident:\n${z.prettifyError(parsed.error)}\nIts report.md still is.`,
  );
}

/** All incidents, newest first, and the folders that hold none that can be read. */
export async function listIncidents(stateDir: string): Promise<{
  readonly incidents: readonly Incident[];
  readonly unreadable: readonly string[];
}> {
  const names = await readdir(join(stateDir, "incidents")).catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return [];
    throw err;
  });
  const incidents: Incident[] = [];
  const unreadable: string[] = [];
  for (const name of names.sort().reverse()) {
    try {
      incidents.push(await readIncident(stateDir, name));
    } catch (err) {
      if (!(err instanceof FiberError)) throw err;
      unreadable.push(name);
    }
  }
  return { incidents, unreadable };
}

/** Writes a file of an incident's folder, whole or not at all. */
export async function writeIncidentFile(
  stateDir: string,
  id: string,
  file: { readonly name: string; readonly text: string },
): Promise<void> {
  const folder = incidentFolder(stateDir, id);
  await makePrivateFolder(folder);
  await writeDurably(join(folder, file.name), file.text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
