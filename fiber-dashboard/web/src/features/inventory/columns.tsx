import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
} from "@tanstack/react-table";
import type { TFunction } from "i18next";
import type { SortKey } from "../../data/view.js";
import { Age } from "../../ui/age.js";
import { type Measure, milliseconds, percent, UNKNOWN } from "../../ui/format.js";
import { StateMark } from "../../ui/state-mark.js";
import { STATE_LOOKS } from "../../ui/states.js";
import { Value } from "../../ui/value.js";
import type { InventoryRow } from "./inventory-rows.js";

/** The parts of TanStack Table that the inventory uses. */
export const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

const helper = createColumnHelper<typeof features, InventoryRow>();

/** Columns set to the right. */
export const NUMBER_COLUMNS: ReadonlySet<string> = new Set<SortKey>([
  "latency",
  "p50",
  "p95",
  "loss",
  "availability",
  "coverage",
  "targets",
  "seen",
]);

type Read = (row: InventoryRow) => number | null | undefined;

/** The columns in order; unknown values sort last in either direction. */
export function inventoryColumns(t: TFunction, language: string) {
  const title = (key: SortKey) => t(`inventory.column.${key}`);
  const number = (key: SortKey, read: Read, format: (value: number | null) => Measure) =>
    helper.accessor((row): number | undefined => read(row) ?? undefined, {
      id: key,
      header: title(key),
      sortFn: "basic",
      sortUndefined: "last",
      cell: (cell) => <Value measure={format(cell.getValue() ?? null)} />,
    });
  const word = (key: SortKey, read: (row: InventoryRow) => string | undefined) =>
    helper.accessor((row) => read(row), {
      id: key,
      header: title(key),
      sortUndefined: "last",
      sortFn: (a, b, id) =>
        a.getValue<string>(id).localeCompare(b.getValue<string>(id), language, { numeric: true }),
      cell: (cell) => cell.getValue() ?? UNKNOWN,
    });
  const ms = (value: number | null) => milliseconds(value, language);
  const pct = (value: number | null) => percent(value, language);
  return helper.columns([
    helper.accessor((row) => -STATE_LOOKS[row.node.state].severity, {
      id: "state",
      header: title("state"),
      sortFn: "basic",
      cell: (cell) => <StateMark state={cell.row.original.node.state} />,
    }),
    word("probe", (row) => row.node.node_id),
    word("region", (row) => `${row.node.region}, ${row.node.country}`),
    number("latency", (row) => row.node.latest?.latency_ms, ms),
    number("p50", (row) => row.figures?.latency_p50_ms, ms),
    number("p95", (row) => row.figures?.latency_p95_ms, ms),
    number("loss", (row) => row.figures?.loss_pct, pct),
    number("availability", (row) => row.figures?.availability_pct, pct),
    number("coverage", (row) => row.figures?.coverage_pct, pct),
    number(
      "targets",
      (row) => row.node.series.length,
      (value) => ({
        value: value === null ? UNKNOWN : String(value),
        unit: "",
      }),
    ),
    helper.accessor((row) => seenMs(row), {
      id: "seen",
      header: title("seen"),
      sortFn: "basic",
      sortUndefined: "last",
      cell: (cell) => <Age at={cell.row.original.node.last_seen_at} />,
    }),
    word("release", (row) => row.node.version ?? undefined),
  ]);
}

/** Sorted by how long ago, like the column reads: the most recent first. */
function seenMs(row: InventoryRow): number | undefined {
  const at = row.node.last_seen_at;
  return at === null ? undefined : -Date.parse(at);
}
