import type { Notice } from "../notify/message.js";
import type { Incident } from "./incident-file.js";

/** What people are told of an incident: what happened, what was lost, where the report is. */
export function noticeOf(incident: Omit<Incident, "notice">): Notice {
  const { run, cause, loss, severity } = incident;
  const suspect = cause.suspects[0];
  const failed = incident.gates.filter((gate) => gate.verdict !== "good");
  const facts = [
    { name: "From", value: run.from ?? "nothing" },
    { name: "To", value: run.to ?? "nothing" },
    { name: "Level", value: run.level },
    { name: "Run by", value: `${run.operator} on ${run.host}` },
    { name: "Incident", value: incident.id },
    ...(suspect === undefined
      ? []
      : [{ name: "Suspected", value: `${suspect.commit.slice(0, 12)} ${suspect.subject}` }]),
  ];
  const what = cause.failure === null ? "" : `${cause.failure}\n`;
  const open =
    severity === "resolved"
      ? "The service is restored and verified."
      : `Somebody has to act: fiber runs show ${incident.id}.${failed.map((gate) => `\n${gate.title}: ${gate.value}`).join("")}`;
  return {
    id: incident.id,
    severity,
    title: `${incident.project}: ${incident.title}`,
    text: `${what}${open}\n${loss.statement}\nThe report: fiber incident show ${incident.id}`,
    facts,
    at: incident.openedAt,
  };
}
