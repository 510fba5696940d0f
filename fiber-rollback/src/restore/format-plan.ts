import type { RestorePlan } from "./restore-plan.js";
import { alignColumns } from "./restore-report.js";

/** A plan for people: rows per table, from where they come back, what does not, the steps. */
export function formatPlan(plan: RestorePlan): string {
  const count = (value: number | null) => (value === null ? "-" : value.toLocaleString("en"));
  const rows = plan.tables.map((one) => [
    one.table,
    count(one.restored),
    count(one.live),
    one.carried > 0 ? `about ${count(one.carried)}` : "0",
    count(one.suspect),
    `  ${one.how}`,
  ]);
  return [
    `Restore ${plan.id}: ${sourceText(plan)}`,
    "",
    alignColumns([
      ["table", "comes back", "live now", "carried over", "suspect", "  how"],
      ...rows,
    ]),
    "",
    ...plan.warnings.map((warning) => `! ${warning}`),
    ...(plan.warnings.length > 0 ? [""] : []),
    ...plan.steps.map(
      (step, i) => `${i + 1}. ${step.title}${step.kind === "pivot" ? " (point of no return)" : ""}`,
    ),
    "",
    "Reads fail for less than a second at the swap; ingest answers 503 from the fence to its lifting,",
    "a few seconds in which probes keep their samples.",
    `${plan.live.name} is kept as ${plan.quarantine} until ${plan.keepUntil}; fiber restore --undo goes back.`,
  ].join("\n");
}

function sourceText({ source }: RestorePlan): string {
  switch (source.kind) {
    case "dump": {
      const of = source.createdAt === null ? "" : ` (${source.tag}, taken ${source.createdAt})`;
      return `from ${source.path}${of}`;
    }
    case "recovery":
      return `to ${source.point === null ? source.time : `point ${source.point}`} from the WAL archive`;
    case "quarantine":
      return `back to ${source.database}`;
  }
}
