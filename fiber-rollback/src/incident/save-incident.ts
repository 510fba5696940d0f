import { probeGraph } from "./graph-svg.js";
import { type Incident, writeIncidentFile } from "./incident-file.js";
import { graphName, renderReport } from "./render-report.js";

/** Writes an incident, its graphs and its report; the report always follows from the rest. */
export async function saveIncident(stateDir: string, incident: Incident): Promise<Incident> {
  const { id, probes } = incident;
  for (const node of probes?.nodes ?? []) {
    if (probes === null) break;
    const text = probeGraph(node, probes);
    await writeIncidentFile(stateDir, id, { name: graphName(node.nodeId), text });
  }
  const text = `${JSON.stringify(incident, null, 2)}\n`;
  await writeIncidentFile(stateDir, id, { name: "report.md", text: renderReport(incident) });
  await writeIncidentFile(stateDir, id, { name: "incident.json", text });
  return incident;
}
