import { z } from "zod";

/** The plan format that this code writes; newer ones are refused by name. */
export const PLAN_FORMAT = 1;

const tableClassSchema = z.enum(["append", "state", "derived", "control"]).nullable();

const plannedTableSchema = z.object({
  table: z.string(),
  class: tableClassSchema,
  /** Rows that come back from the dump; null when it says nothing of the table. */
  restored: z.number().nullable(),
  /** Rows that the live database holds now; null when it has no such table. */
  live: z.number().nullable(),
  /** About how many live rows the dump has not: they are carried over. */
  carried: z.number(),
  /** Live rows outside the contract's ranges. */
  suspect: z.number(),
  /** What happens to the rows, in words. */
  how: z.string(),
});

/** What a restore does to one table, as far as it can be told beforehand. */
export type PlannedTable = z.infer<typeof plannedTableSchema>;

const sourceSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("dump"),
    path: z.string(),
    tag: z.string().nullable(),
    createdAt: z.string().nullable(),
    identity: z.string().nullable(),
  }),
  z.object({
    kind: z.literal("recovery"),
    point: z.string().nullable(),
    time: z.string().nullable(),
  }),
  z.object({ kind: z.literal("quarantine"), database: z.string() }),
]);

/** Where the data comes back from. */
export type RestoreSource = z.infer<typeof sourceSchema>;

/** A restore that was planned, as it is shown and stored. */
export const restorePlanSchema = z.object({
  format: z.literal(PLAN_FORMAT),
  /** Time of the plan, such as 20261122T101500Z; names the run's folder. */
  id: z.string(),
  source: sourceSchema,
  live: z.object({
    name: z.string(),
    oid: z.number(),
    owner: z.string(),
    encoding: z.string(),
    collate: z.string(),
    ctype: z.string(),
    /** Newest applied migration. */
    head: z.string().nullable(),
  }),
  /** The database that will take the live one's name. */
  restored: z.string(),
  /** The name that the live one gets. */
  quarantine: z.string(),
  /** Until when the quarantine is kept. */
  keepUntil: z.string(),
  leaveSuspect: z.boolean(),
  thenUpgrade: z.boolean(),
  /**
   * False when nothing was acknowledged since the point: the data then comes back exactly as it was,
   * and what a bad migration wrote stays in the quarantine.
   */
  carry: z.boolean().default(true),
  tables: z.array(plannedTableSchema),
  steps: z.array(z.object({ id: z.string(), title: z.string(), kind: z.string() })),
  warnings: z.array(z.string()),
});

/** See {@link restorePlanSchema}. */
export type RestorePlan = z.infer<typeof restorePlanSchema>;

/** What a plan is made of; gathered read-only. */
export interface RestoreFacts {
  readonly nowMs: number;
  readonly id: string;
  readonly source: RestoreSource;
  readonly live: RestorePlan["live"];
  /** Tables of the live database. */
  readonly liveTables: readonly TableFacts[];
  /** Tables of the dump or the quarantine; null when nothing tells. */
  readonly sourceTables: readonly TableFacts[] | null;
  /** Newest migration of what comes back; null when nothing tells. */
  readonly sourceHead: string | null;
  /** Newest migration that this release knows. */
  readonly codeHead: string | null;
  readonly keepDays: number;
  readonly leaveSuspect: boolean;
  readonly thenUpgrade: boolean;
  /** False when it is known that nothing was acknowledged since; true by default. */
  readonly carry?: boolean;
}

/** Rows of one table, and of its days. */
export interface TableFacts {
  readonly table: string;
  readonly class: PlannedTable["class"];
  readonly rows: number;
  readonly suspect: number;
  readonly days: Readonly<Record<string, number>>;
}

const DAY_MS = 86_400_000;

/** Plans a restore beside, carry over and swap. Pure. */
export function planRestore(facts: RestoreFacts): RestorePlan {
  const digits = facts.id.replaceAll(/\D/g, "");
  const { name } = facts.live;
  const undo = facts.source.kind === "quarantine";
  return {
    format: PLAN_FORMAT,
    id: facts.id,
    source: facts.source,
    live: facts.live,
    restored: facts.source.kind === "quarantine" ? facts.source.database : `${name}_r${digits}`,
    quarantine: `${name}_q${digits}`,
    keepUntil: new Date(facts.nowMs + facts.keepDays * DAY_MS).toISOString(),
    leaveSuspect: facts.leaveSuspect,
    thenUpgrade: facts.thenUpgrade,
    carry: facts.carry ?? true,
    tables: planTables(facts),
    steps: planSteps(facts.source.kind, facts.thenUpgrade),
    warnings: planWarnings(facts, undo),
  };
}

function planTables({
  liveTables,
  sourceTables,
  leaveSuspect,
  carry = true,
}: RestoreFacts): PlannedTable[] {
  const live = new Map(liveTables.map((table) => [table.table, table]));
  const source = new Map((sourceTables ?? []).map((table) => [table.table, table]));
  const names = [...new Set([...live.keys(), ...source.keys()])].sort();
  return names.map((table) => {
    const now = live.get(table);
    const then = source.get(table);
    const tableClass = then?.class ?? now?.class ?? null;
    const unknown = sourceTables !== null && then === undefined;
    const moves = !unknown && (tableClass === "append" || tableClass === "state");
    return {
      table,
      class: tableClass,
      restored: sourceTables === null ? null : (then?.rows ?? null),
      live: now?.rows ?? null,
      carried: moves && carry && now !== undefined ? missingRows(now, then) : 0,
      suspect: now?.suspect ?? 0,
      how: unknown
        ? UNKNOWN_TABLE
        : carry
          ? howOf(tableClass, (now?.suspect ?? 0) > 0 && leaveSuspect)
          : "exactly as it was: nothing was acknowledged since",
    };
  });
}

const UNKNOWN_TABLE = "the restored schema has no such table: exported beside the report";

function howOf(tableClass: PlannedTable["class"], leavesSuspect: boolean): string {
  const left = leavesSuspect ? "; suspect rows stay in the quarantine" : "";
  switch (tableClass) {
    case "append":
      return `dump's rows stand, later ones are carried over by key${left}`;
    case "state":
      return "the newest wins; a revocation or deletion always wins";
    case "derived":
      return "computed again";
    case "control":
      return "the dump's";
    case null:
      return "its comment names no class: the dump's rows, nothing is carried over";
  }
}

/** Rows that the live table has more than the source, day by day where both know days. */
function missingRows(now: TableFacts, then: TableFacts | undefined): number {
  if (then === undefined) return now.rows;
  const days = Object.entries(now.days);
  if (days.length === 0) return Math.max(0, now.rows - then.rows);
  return days.reduce((sum, [day, rows]) => sum + Math.max(0, rows - (then.days[day] ?? 0)), 0);
}

/** The steps of a restore in their order; titles as they are shown. */
export function planSteps(kind: RestoreSource["kind"], thenUpgrade: boolean): RestorePlan["steps"] {
  const beside = "Restore the dump into a database beside the live one and compare it";
  const recover = "Recover to the point on a scratch server and take a dump of it";
  return [
    ...(kind === "recovery" ? [{ id: "recover", title: recover, kind: "reversible" }] : []),
    ...(kind === "quarantine" ? [] : [{ id: "beside", title: beside, kind: "reversible" }]),
    ...(thenUpgrade
      ? [
          {
            id: "upgrade",
            title: "Upgrade the restored schema to this release",
            kind: "reversible",
          },
        ]
      : []),
    {
      id: "carry",
      title: "Carry over what was accepted since, while the live database serves",
      kind: "reversible",
    },
    { id: "fence", title: "Fence ingest", kind: "compensable" },
    { id: "switch", title: "Carry over the tail and swap the databases' names", kind: "pivot" },
    { id: "lift", title: "Lift the fence", kind: "compensable" },
    { id: "report", title: "Write the report", kind: "reversible" },
  ];
}

function planWarnings(facts: RestoreFacts, undo: boolean): string[] {
  const { sourceHead, codeHead, sourceTables, source, thenUpgrade } = facts;
  const warnings: string[] = [];
  if (source.kind === "dump" && sourceTables === null) {
    warnings.push(
      "The dump has no manifest: nothing says what it should hold, and it cannot be compared.",
    );
  }
  if (sourceHead !== null && codeHead !== null && sourceHead !== codeHead && !thenUpgrade) {
    const behind = sourceHead < codeHead;
    warnings.push(
      `The schema that comes back is at ${sourceHead}, this release works with ${codeHead}: after ` +
        `the swap the API answers 503 ${behind ? "SCHEMA_BEHIND" : "SCHEMA_AHEAD"} until ` +
        (behind
          ? "`fiber migrate upgrade`, or a release for that schema runs. --then-upgrade upgrades " +
            "before the swap instead. Until then the schema is held: no start upgrades it."
          : "the release that knows that schema runs."),
    );
  }
  const suspect = facts.liveTables.reduce((sum, table) => sum + table.suspect, 0);
  if (suspect > 0 && !facts.leaveSuspect && !undo) {
    warnings.push(
      `${suspect} live rows lie outside the contract's ranges; those that the dump has not are ` +
        "carried over all the same. --leave-suspect leaves them in the quarantine.",
    );
  }
  return warnings;
}
