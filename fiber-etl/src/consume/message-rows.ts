import { BUCKET_MS, bucketStart, createRowBuffer, SERIES_AT } from "#db";
import {
  encodeMessage,
  encodeSeries,
  encodeTrace,
  type ReadMessage,
} from "../queue/message-format.js";
import type { Rows } from "../writer/rows.js";

/** All rows of a message: they are copied as they are, only their series ids are put in. */
export function allRows(message: ReadMessage): Rows {
  const { series, hours, rows, starts, rowCount } = message;
  return {
    count: rowCount,
    writeTo(group, cache) {
      const ids: number[] = [];
      for (const name of series) {
        const seriesId = cache.find(name);
        if (seriesId === undefined) return false;
        ids.push(seriesId);
      }
      group.rows.copy(rows, starts, ids);
      for (const hourMs of hours) group.hours.add(hourMs);
      for (const { nodeId } of series) group.nodeIds.add(nodeId);
      return true;
    },
    unknownSeries: (cache) => series.filter((name) => cache.find(name) === undefined),
    findNode: (nodeIds) => series.find((name) => nodeIds.has(name.nodeId))?.nodeId,
  };
}

/** No rows: for a message that counts as applied because what it held is kept elsewhere. */
export const NO_ROWS: Rows = {
  count: 0,
  writeTo: () => true,
  unknownSeries: () => [],
  findNode: () => undefined,
};

/** Some rows of a message, as a message of their own; `indices` are those of the rows. */
export function pickRows(message: ReadMessage, indices: readonly number[]): ReadMessage {
  const { rows, starts, series } = message;
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  const places = new Map<number, number>();
  const hours = new Set<number>();
  const picked = createRowBuffer();
  const pickedStarts: number[] = [];
  for (const index of indices) {
    const start = starts[index] ?? 0;
    const from = view.getInt32(start + SERIES_AT);
    const place = places.get(from) ?? places.size;
    places.set(from, place);
    hours.add(hourOf(view, start));
    pickedStarts.push(picked.length());
    const ids: number[] = [];
    ids[from] = place;
    picked.copy(rows.subarray(start, starts[index + 1] ?? rows.length), [0], ids);
  }
  return {
    series: [...places.keys()].flatMap((from) => series[from] ?? []),
    hours: [...hours],
    traces: message.traces,
    rows: Buffer.from(picked.slice(0, picked.length())),
    rowCount: indices.length,
    starts: pickedStarts,
  };
}

/** The message as it travels. */
export function bytesOf(message: ReadMessage): Buffer {
  return encodeMessage({
    series: message.series.map(encodeSeries),
    hours: new Set(message.hours),
    traces: message.traces.map(encodeTrace),
    rows: message.rows,
    rowCount: message.rowCount,
  });
}

/** Which rows of a message belong to a node. */
export function rowsOfNode(message: ReadMessage, nodeId: string): readonly number[] {
  const { rows, starts, series } = message;
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  return starts.flatMap((start, index) =>
    series[view.getInt32(start + SERIES_AT)]?.nodeId === nodeId ? [index] : [],
  );
}

/** 2000-01-01, from which PostgreSQL counts microseconds, in epoch ms. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const TIME_AT = 6;
const MICROS_PER_HOUR = BUCKET_MS.hourly * 1_000;

function hourOf(view: DataView, start: number): number {
  const micros = view.getBigInt64(start + TIME_AT);
  const hours = Math.floor(Number(micros) / MICROS_PER_HOUR);
  return bucketStart("hourly", POSTGRES_EPOCH_MS + hours * BUCKET_MS.hourly);
}
