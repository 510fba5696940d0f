import type { Session } from "./session.js";
import type { TableClass, TableShape } from "./table-shapes.js";

/** What carrying over did to one table. All figures are rows. */
export interface TableOutcome {
  readonly table: string;
  readonly class: TableClass | null;
  /** Only the old database had them; they are in the restored one now. */
  readonly carried: number;
  /** State rows of which the old database had the newer version, which was taken. */
  readonly newer: number;
  /** Revocations and deletions of the old database that were taken over. */
  readonly ended: number;
  /** Of the old database's own rows, those outside the contract's ranges. */
  readonly suspect: number;
  /** Suspect rows that were not carried over: they are in the quarantine only. */
  readonly left: number;
  /** Rows that the restored schema does not take; they are in the quarantine only. */
  readonly refused: number;
  /** Why rows were refused, or the table as a whole. */
  readonly problem: string | null;
  /** Rows of hours in which values differ: the dump's stand. Null where not compared. */
  readonly differing: number | null;
  /** Rows that only the dump had: they come back. Null where not counted. */
  readonly returned: number | null;
}

/** One pass over all tables, from the old database into the restored one. */
export interface CarryRound {
  readonly tables: readonly TableOutcome[];
  /** Transaction id from which on the next round must look at rows; see {@link CarryOptions}. */
  readonly horizon: string;
}

/** What to carry over from where to where. */
export interface CarryOptions {
  /** In the old database, inside a REPEATABLE READ transaction. */
  readonly source: Session;
  /** In the restored database, inside a transaction. */
  readonly target: Session;
  /** The last round's horizon: only rows written since; null for the first round. */
  readonly since: string | null;
  /** Rows outside the contract's ranges stay in the quarantine. */
  readonly leaveSuspect: boolean;
  readonly nowMs: number;
}

/** What one table's carrying needs beside the options. */
export interface CarryTable extends CarryOptions {
  readonly old: TableShape;
  readonly now: TableShape;
  /** Columns whose value is another table's number, with that table's id map. */
  readonly mapped: ReadonlyMap<string, string>;
}

/** An outcome in which nothing happened, to fill in. */
export function nothingDone(shape: TableShape): TableOutcome {
  return {
    table: shape.name,
    class: shape.class,
    carried: 0,
    newer: 0,
    ended: 0,
    suspect: 0,
    left: 0,
    refused: 0,
    problem: null,
    differing: null,
    returned: null,
  };
}
