import type { StepDetail } from "#rollback";

/** How a running step stands, in short lines: gates with their values, the phase of a build. */
export function standingLines(detail: StepDetail): readonly string[] {
  const { gates, phase, line } = detail;
  if (Array.isArray(gates)) return gates.flatMap((gate) => gateLine(gate as GateView));
  if (typeof phase === "string") {
    return [typeof line === "string" && line !== "" ? `${phase}: ${line}` : phase];
  }
  const { revision, title } = detail;
  return typeof revision === "string" ? [`${revision} ${String(title ?? "")}`.trim()] : [];
}

interface GateView {
  readonly id: string;
  readonly title?: string;
  readonly verdict: string;
  readonly value?: string;
  readonly waitsFor?: string | null;
}

function gateLine({ id, title, verdict, value, waitsFor }: GateView): readonly string[] {
  const mark =
    verdict === "good" || verdict === "passed"
      ? "+"
      : verdict === "waiting" || verdict === "runs"
        ? "-"
        : "x";
  const waits = waitsFor ? `, waits for ${waitsFor}` : "";
  return [`${mark} ${title ?? id}: ${value ?? verdict}${waits}`];
}
