import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { to as copyTo } from "pg-copy-streams";
import { quoteName, type Session } from "./session.js";
import { naturalKey, readTableShapes, type TableShape } from "./table-shapes.js";

/** What the old database has and the restored schema does not know. */
export interface UnknownData {
  /** "table" or "table.column, column". */
  readonly what: string;
  /** A name for its file, without an ending. */
  readonly fileName: string;
  /** SQL that selects it, with the rows' keys. */
  readonly select: string;
}

/** Finds tables and columns of the old database that the restored one does not have. */
export async function findUnknownData(
  source: Session,
  target: Session,
): Promise<readonly UnknownData[]> {
  const known = await readTableShapes(target);
  return [...(await readTableShapes(source)).values()].flatMap((old) => {
    const now = known.get(old.name);
    if (now === undefined) {
      return old.class === "control" || isDayOf(old, known)
        ? []
        : [{ what: old.name, fileName: old.name, select: `SELECT * FROM ${quoteName(old.name)}` }];
    }
    return unknownColumns(old, now);
  });
}

function unknownColumns(old: TableShape, now: TableShape): readonly UnknownData[] {
  if (old.class === "control" || old.class === "derived") return [];
  const known = new Set(now.columns.map((column) => column.name));
  const columns = old.columns.map((column) => column.name).filter((name) => !known.has(name));
  if (columns.length === 0) return [];
  const all = [...new Set([...naturalKey(old), ...columns])].map(quoteName).join(", ");
  const filled = columns.map((column) => `${quoteName(column)} IS NOT NULL`).join(" OR ");
  return [
    {
      what: `${old.name}.${columns.join(", ")}`,
      fileName: `${old.name}.columns`,
      select: `SELECT ${all} FROM ${quoteName(old.name)} WHERE ${filled}`,
    },
  ];
}

/** A day of samples that was detached by an accident: its rows are carried over with the others. */
function isDayOf(old: TableShape, known: ReadonlyMap<string, TableShape>): boolean {
  return known.has("samples") && /^samples_[0-9]{8}$/.test(old.name);
}

/**
 * Writes rows as CSV with a header; resolves to how many there were. When the file fails, the
 * session is ended: rows that nobody takes any more would keep it for ever.
 */
export async function exportCsv(
  source: Session,
  data: UnknownData,
  file: Writable,
): Promise<number> {
  const reader = source.client.query(
    copyTo(`COPY (${data.select}) TO STDOUT (FORMAT csv, HEADER true)`),
  );
  try {
    await pipeline(reader, file);
  } catch (err) {
    await source.close();
    throw err;
  }
  // The header is no row.
  return Math.max(0, reader.rowCount);
}
