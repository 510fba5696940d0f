import type { RestorePlan } from "../restore/restore-plan.js";
import type { Level } from "./choose-level.js";
import { describeLoss } from "./choose-level.js";
import type { DatabaseView } from "./plan-facts.js";

/** What becomes of one table's rows. */
interface TableFate {
  readonly table: string;
  readonly rows: number;
  readonly fate: "lost" | "carried" | "replayed" | "restored";
  readonly how: string;
}

/** What a run loses, said before it is agreed to. */
interface LossStatement {
  readonly statement: string;
  readonly tables: TableFate[];
  /** Minutes of samples that are lost; null when none can be. */
  readonly sampleMinutes: number | null;
}

/** Nothing is touched that holds rows. */
export const NO_LOSS: LossStatement = {
  statement: "Nothing is lost: every acknowledged sample is kept.",
  tables: [],
  sampleMinutes: null,
};

/** The loss statement of a rollback. */
export function lossOf(level: Level, data: DatabaseView | null): LossStatement {
  if (data === null || level === "code") return NO_LOSS;
  if (level === "schema") return lossOfDowngrade(data);
  return data.restore === null ? NO_LOSS : lossOfRestore(data.restore);
}

function lossOfDowngrade(data: DatabaseView): LossStatement {
  const { loss } = data;
  if (loss === null || loss.nothing) {
    return {
      ...NO_LOSS,
      statement: "Nothing is lost: the way down was counted and drops no rows.",
    };
  }
  return {
    statement:
      `Lost for good: ${describeLoss(data)}. Every other row is kept. Samples are held by their ` +
      "senders while ingest is fenced.",
    tables: loss.items.map(({ what, rows, estimated, revision }) => ({
      table: what,
      rows: rows ?? 0,
      fate: "lost" as const,
      how:
        rows === null
          ? `the way down of ${revision} drops what cannot be counted`
          : `dropped by the way down of ${revision}${estimated ? " (estimated)" : ""}`,
    })),
    sampleMinutes: null,
  };
}

function lossOfRestore(restore: RestorePlan): LossStatement {
  const tables = restore.tables.flatMap(({ table, restored, carried, how }): TableFate[] => [
    ...(restored === null ? [] : [{ table, rows: restored, fate: "restored" as const, how }]),
    ...(carried > 0 ? [{ table, rows: carried, fate: "carried" as const, how }] : []),
  ]);
  const carried = restore.tables.reduce((sum, one) => sum + one.carried, 0);
  const suspect = restore.tables.reduce((sum, one) => sum + one.suspect, 0);
  return {
    statement: [
      "Nothing that was acknowledged is lost: the data comes back as it was at the restore point,",
      carried > 0
        ? `and ${carried.toLocaleString("en")} rows that came since are carried over.`
        : "and nothing came since.",
      suspect > 0 ? `${suspect.toLocaleString("en")} of them look wrong and are named.` : "",
      `The database as it is now is kept as ${restore.quarantine} until ${restore.keepUntil}.`,
    ]
      .filter((part) => part !== "")
      .join(" "),
    tables,
    sampleMinutes: null,
  };
}
