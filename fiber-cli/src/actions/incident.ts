import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  checkIncidentItem,
  closeIncident,
  type Incident,
  incidentFolder,
  listIncidents,
  operatorName,
} from "#rollback";
import { stateFolder } from "#runtime";
import { formatTable, paint, printResult, tell } from "../terminal.js";

interface Options {
  readonly json?: boolean;
  readonly note?: string;
}

/** `fiber incident list` */
export async function listAll({ json = false }: Options): Promise<void> {
  const { incidents, unreadable } = await listIncidents(await stateFolder());
  for (const name of unreadable) tell(`incidents/${name} cannot be read; its report.md may be.`);
  printResult(json, incidents, () =>
    incidents.length === 0
      ? "There has been no incident. Every rollback opens one."
      : formatTable([
          ["INCIDENT", "STATE", "OPEN", "WHAT"],
          ...incidents.map((one) => [one.id, stateOf(one), openItems(one) || "-", one.title]),
        ]),
  );
}

/** `fiber incident show` */
export async function show(id: string | undefined, { json = false }: Options): Promise<void> {
  const stateDir = await stateFolder();
  const incident = await find(stateDir, id);
  const folder = incidentFolder(stateDir, incident.id);
  const report = await readFile(join(folder, "report.md"), "utf8");
  printResult(json, incident, () => report.trimEnd());
  if (!json) tell(`The report with its graphs: ${folder}`);
}

/** `fiber incident check` */
export async function check(
  what: { readonly id: string; readonly item: string },
  { json = false, note }: Options,
): Promise<void> {
  const stateDir = await stateFolder();
  const { id } = await find(stateDir, what.id);
  const item = { incident: id, id: what.item, note: note ?? null };
  const incident = await checkIncidentItem(stateDir, item, hand());
  const open = openItems(incident);
  printResult(json, incident, () =>
    open === ""
      ? `Everything is ticked off. Close it with: fiber incident close ${id}`
      : `Ticked off. Still open: ${open}`,
  );
}

/** `fiber incident close` */
export async function close(wanted: string, { json = false }: Options): Promise<void> {
  const stateDir = await stateFolder();
  const { id } = await find(stateDir, wanted);
  const incident = await closeIncident(stateDir, id, hand());
  printResult(json, incident, () => `Closed ${id}. Its report stays: fiber incident show ${id}`);
}

const hand = () => ({ operator: `${operatorName()}@${hostname()}`, nowMs: Date.now() });

async function find(stateDir: string, id: string | undefined): Promise<Incident> {
  const { incidents } = await listIncidents(stateDir);
  const fitting =
    id === undefined
      ? incidents.slice(0, 1)
      : incidents.filter((one) => one.id === id || one.id.includes(id));
  const exact = fitting.find((one) => one.id === id);
  const [only, ...others] = exact === undefined ? fitting : [exact];
  if (only !== undefined && others.length === 0) return only;
  throw new FiberError(
    "INCIDENT_NOT_FOUND",
    only === undefined
      ? `There is no incident${id === undefined ? "" : ` "${id}"`}. See: fiber incident list`
      : `"${id}" fits ${fitting.map((one) => one.id).join(", ")}. Name one of them.`,
  );
}

function stateOf(incident: Incident): string {
  if (incident.closedAt !== null) return paint("dim", "closed");
  return incident.severity === "resolved" ? paint("yellow", "open") : paint("red", "needs a hand");
}

const openItems = (incident: Incident) =>
  incident.checklist
    .filter((item) => item.doneAt === null)
    .map((item) => item.id)
    .join(", ");
