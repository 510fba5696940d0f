import { type SortingState, useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, ArrowUpDown } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { SORT_KEYS, useView } from "../../data/view.js";
import { features, inventoryColumns, NUMBER_COLUMNS } from "./columns.js";
import styles from "./inventory.module.css";
import { holdOrder, type InventoryRow } from "./inventory-rows.js";

const ROW_PX = 44;

/**
 * The table. Only the rows in view are in the page; while the pointer is over it, rows keep their
 * places. One tab stop: arrow keys walk the rows, Enter opens one.
 */
export function InventoryTable({ rows, fill }: { rows: readonly InventoryRow[]; fill: boolean }) {
  const { t } = useTranslation();
  const table = useInventoryTable(rows);
  const [held, setHeld] = useState<readonly string[] | null>(null);
  const sorted = table.getRowModel().rows;
  const shown = holdOrder(sorted, held, (row) => row.id);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: 8,
    initialRect: { width: 1_000, height: 10 * ROW_PX },
  });
  const { current, walk } = useRowWalk(shown.length, scroller, virtual.scrollToIndex);
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      data-fill={fill}
      onPointerEnter={() => setHeld(sorted.map((row) => row.id))}
      onPointerLeave={() => setHeld(null)}
    >
      <table
        className={styles.table}
        aria-label={t("inventory.label")}
        aria-description={t("inventory.hint")}
        aria-rowcount={shown.length + 1}
      >
        <Head table={table} onSort={() => setHeld(null)} />
        <tbody onKeyDown={walk}>
          <Spacer height={above} />
          {items.map(({ index }) => {
            const row = shown[index];
            if (row === undefined) return null;
            return (
              <tr
                key={row.id}
                className={styles.row}
                aria-rowindex={index + 2}
                data-state={row.original.node.state}
                data-probe={row.id}
              >
                {row.getAllCells().map((cell) => (
                  <td
                    key={cell.id}
                    data-column={cell.column.id}
                    data-number={NUMBER_COLUMNS.has(cell.column.id) || undefined}
                  >
                    {cell.column.id === "probe" ? (
                      <ProbeCell row={row.original} index={index} isCurrent={index === current} />
                    ) : (
                      <table.FlexRender cell={cell} />
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
          <Spacer height={below} />
        </tbody>
      </table>
    </div>
  );
}

type InventoryTableModel = ReturnType<typeof useInventoryTable>;

function useInventoryTable(rows: readonly InventoryRow[]) {
  const { t, i18n } = useTranslation();
  const { view, change } = useView();
  const columns = useMemo(() => inventoryColumns(t, i18n.language), [t, i18n.language]);
  const sorting = useMemo<SortingState>(
    () => [{ id: view.sort, desc: view.descending }],
    [view.sort, view.descending],
  );
  return useTable({
    features,
    columns,
    data: rows,
    getRowId: (row) => row.node.node_id,
    enableSortingRemoval: false,
    sortDescFirst: false,
    state: { sorting },
    onSortingChange: (update) => {
      const [next] = typeof update === "function" ? update(sorting) : update;
      const sort = SORT_KEYS.find((key) => key === next?.id);
      if (sort !== undefined) change({ sort, descending: next?.desc ?? false });
    },
  });
}

function Head({ table, onSort }: { table: InventoryTableModel; onSort: () => void }) {
  const { t } = useTranslation();
  return (
    <thead>
      {table.getHeaderGroups().map((group) => (
        <tr key={group.id}>
          {group.headers.map((header) => {
            const { column } = header;
            const direction = column.getIsSorted();
            const Arrow =
              direction === "asc" ? ArrowUp : direction === "desc" ? ArrowDown : ArrowUpDown;
            return (
              <th
                key={header.id}
                scope="col"
                data-column={column.id}
                data-number={NUMBER_COLUMNS.has(column.id) || undefined}
                aria-sort={
                  direction === "asc" ? "ascending" : direction === "desc" ? "descending" : "none"
                }
              >
                <button
                  type="button"
                  title={t("inventory.sortBy", { column: String(column.columnDef.header) })}
                  onClick={() => {
                    onSort();
                    column.toggleSorting();
                  }}
                >
                  <span className={styles.heading}>
                    <table.FlexRender header={header} />
                  </span>
                  <Arrow size={12} aria-hidden="true" data-idle={direction === false} />
                </button>
              </th>
            );
          })}
        </tr>
      ))}
    </thead>
  );
}

function ProbeCell(props: { row: InventoryRow; index: number; isCurrent: boolean }) {
  const { node } = props.row;
  const { t } = useTranslation();
  const { view, change } = useView();
  return (
    <span className={styles.probe}>
      <button
        type="button"
        className={styles.open}
        data-row={props.index}
        tabIndex={props.isCurrent ? 0 : -1}
        aria-current={view.node === node.node_id}
        onClick={() => change({ node: node.node_id, chart: node.node_id, target: null })}
      >
        {node.node_id}
      </button>
      {node.demo && (
        <span className={styles.demo} title={t("app.demoTitle")}>
          {t("app.demo")}
        </span>
      )}
      <span className={styles.under}>
        {`${node.region}, ${node.country}`}
        {node.demo && <span className={styles.underDemo}>{` · ${t("app.demo")}`}</span>}
      </span>
    </span>
  );
}

function Spacer({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a spacer takes no focus
    <tr aria-hidden="true">
      <td style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

/** The roving tab stop of the rows; scrolls a row into the page before it takes the focus. */
function useRowWalk(
  count: number,
  scroller: React.RefObject<HTMLDivElement | null>,
  scrollTo: (index: number) => void,
) {
  const [active, setActive] = useState(0);
  const wanted = useRef<number | null>(null);
  const current = Math.min(active, Math.max(0, count - 1));
  useEffect(() => {
    if (wanted.current === null) return;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-row="${wanted.current}"]`);
    if (!row) return;
    wanted.current = null;
    row.focus();
  });
  const walk = (event: KeyboardEvent) => {
    const from = Number((event.target as HTMLElement).dataset.row ?? Number.NaN);
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined || Number.isNaN(from)) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(count - 1, to));
    wanted.current = next;
    scrollTo(next);
    setActive(next);
  };
  return { current, walk };
}
