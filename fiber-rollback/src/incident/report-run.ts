import { FiberError } from "#contracts";
import type { Clock } from "#runtime";
import { createNotifiers } from "../notify/create-notifiers.js";
import { sendNotice } from "../notify/send-notices.js";
import type { Project } from "../project/project-file.js";
import { gatherIncident, type IncidentSources } from "./gather-incident.js";
import { type Incident, incidentFolder, listIncidents, readIncident } from "./incident-file.js";
import { saveIncident } from "./save-incident.js";

/** What reporting a run works on. */
export interface ReportPorts extends IncidentSources {
  readonly project: Pick<Project, "name" | "contacts" | "notify">;
  readonly clock: Clock;
  /** Holds the variables that fiber.yaml names under `notify`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Where a run's report lies, and who was told. */
export interface RunReport {
  readonly incident: string;
  readonly folder: string;
  readonly notified: Incident["notified"];
}

/**
 * Opens a run's incident, or brings it up to date, and tells people. Doing it again keeps what was
 * ticked off and tells only those whom nobody reached yet. A way that fails is in the outcome.
 *
 * @throws FiberError when the run itself or the folder cannot be read or written
 */
export async function reportRun(ports: ReportPorts, runId: string): Promise<RunReport> {
  const known = await readIncident(ports.stateDir, runId).catch((err: unknown) => {
    if (err instanceof FiberError && err.code === "INCIDENT_NOT_FOUND") return null;
    throw err;
  });
  const fresh = await gatherIncident(ports, runId);
  const incident =
    known === null
      ? fresh
      : {
          ...fresh,
          openedAt: known.openedAt,
          closedAt: known.closedAt,
          closedBy: known.closedBy,
          checklist: known.checklist,
          notified: known.notified,
          notice: { ...fresh.notice, at: known.notice.at },
        };
  // On disk before anybody is told: the notice names it.
  await saveIncident(ports.stateDir, incident);
  // Another outcome is news; the same one is told once.
  const isNews = known !== null && known.title !== fresh.title;
  const told = await tell(ports, isNews ? { ...incident, notified: [] } : incident);
  return {
    incident: runId,
    folder: incidentFolder(ports.stateDir, runId),
    notified: told.notified,
  };
}

/** Incidents older than this are not told any more, ms. */
const RESEND_MS = 3 * 86_400_000;

/**
 * Sends what could not be sent before; called by later runs and by the agent.
 *
 * @returns the incidents of which somebody was told now
 */
export async function resendNotices(
  ports: Omit<ReportPorts, "git" | "db">,
): Promise<readonly string[]> {
  const { incidents } = await listIncidents(ports.stateDir);
  const resent: string[] = [];
  for (const incident of incidents) {
    const isOld = Date.parse(incident.openedAt) < ports.clock.now() - RESEND_MS;
    if (isOld || !incident.notified.some((one) => one.state === "failed")) continue;
    const told = await tell(ports, incident);
    const sentBefore = incident.notified.filter((one) => one.state === "sent").length;
    const sentNow = told.notified.filter((one) => one.state === "sent").length;
    if (sentNow > sentBefore) resent.push(incident.id);
  }
  return resent;
}

/** Tells by every way that has not delivered yet, and keeps how it went. */
async function tell(
  ports: Pick<ReportPorts, "stateDir" | "project" | "env" | "clock" | "log" | "signal">,
  incident: Incident,
): Promise<Incident> {
  const delivered = incident.notified.filter((one) => one.state === "sent");
  const isDelivered = (way: string) => delivered.some((one) => one.way === way);
  const { ways, unusable } = createNotifiers(ports.project.notify, ports.env, ports.clock.now);
  const outcomes = await sendNotice(
    incident.notice,
    {
      ways: ways.filter((one) => !isDelivered(one.way)),
      unusable: unusable.filter((one) => !isDelivered(one.way)),
    },
    ports,
  );
  // Somebody may have ticked an item off meanwhile.
  const current = await readIncident(ports.stateDir, incident.id);
  return saveIncident(ports.stateDir, { ...current, notified: [...delivered, ...outcomes] });
}
