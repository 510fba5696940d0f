import { FiberError } from "#contracts";
import { type Incident, readIncident } from "./incident-file.js";
import { saveIncident } from "./save-incident.js";

/** The runbook's post-incident checklist, in its words and order. */
export const CHECKLIST = [
  { id: "root-cause", title: "Root cause identified" },
  { id: "fix", title: "Fix applied and tested" },
  { id: "report", title: "Incident report created" },
  { id: "runbook", title: "Runbook updated if needed" },
  { id: "stakeholders", title: "Stakeholders notified of resolution" },
] as const;

/** Who does something to an incident, and when. */
export interface IncidentHand {
  readonly operator: string;
  /** Epoch ms. */
  readonly nowMs: number;
}

/**
 * Ticks an item of the checklist off, with a note for the report.
 *
 * @throws FiberError INCIDENT_NOT_FOUND, USAGE for an item that is not on the list
 */
export async function checkIncidentItem(
  stateDir: string,
  item: { readonly incident: string; readonly id: string; readonly note: string | null },
  hand: IncidentHand,
): Promise<Incident> {
  const incident = await readIncident(stateDir, item.incident);
  if (!incident.checklist.some((one) => one.id === item.id)) {
    const known = incident.checklist.map((one) => one.id).join(", ");
    throw new FiberError("USAGE", `"${item.id}" is not on the checklist. Its items: ${known}`);
  }
  const doneAt = new Date(hand.nowMs).toISOString();
  const checklist = incident.checklist.map((one) =>
    one.id === item.id
      ? { ...one, doneAt: one.doneAt ?? doneAt, doneBy: hand.operator, note: item.note ?? one.note }
      : one,
  );
  return saveIncident(stateDir, { ...incident, checklist });
}

/**
 * Closes an incident.
 *
 * @throws FiberError INCIDENT_NOT_FOUND, CHECKLIST_OPEN naming what is not done yet
 */
export async function closeIncident(
  stateDir: string,
  id: string,
  hand: IncidentHand,
): Promise<Incident> {
  const incident = await readIncident(stateDir, id);
  const open = incident.checklist.filter((one) => one.doneAt === null);
  if (open.length > 0) {
    const list = open.map((one) => `  ${one.id}: ${one.title}`).join("\n");
    throw new FiberError(
      "CHECKLIST_OPEN",
      `Incident ${id} cannot be closed yet:\n${list}\nTick each off with: fiber incident check ${id} ITEM`,
    );
  }
  if (incident.closedAt !== null) return incident;
  const closedAt = new Date(hand.nowMs).toISOString();
  return saveIncident(stateDir, { ...incident, closedAt, closedBy: hand.operator });
}
