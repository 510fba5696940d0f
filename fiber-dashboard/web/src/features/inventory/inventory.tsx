import { useQuery } from "@tanstack/react-query";
import { Search, X } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { nodeFiguresQuery, nodesQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { Message } from "../../ui/message.js";
import { Panel } from "../../ui/panel.js";
import styles from "./inventory.module.css";
import { inventoryRows } from "./inventory-rows.js";
import { InventoryTable } from "./inventory-table.js";

const NO_FIGURES: never[] = [];

/** Everything: all probes in a table with search and sort. `fill` takes the parent's height. */
export function Inventory(props: { className?: string | undefined; fill: boolean }) {
  const { t } = useTranslation();
  const { view } = useView();
  const { data: nodes, error, refetch } = useQuery(nodesQuery);
  const figures = useQuery(nodeFiguresQuery(view.scope)).data?.groups ?? NO_FIGURES;
  const { region, q } = view;
  const rows = useMemo(
    () => (nodes === undefined ? null : inventoryRows(nodes, figures, { region, q })),
    [nodes, figures, region, q],
  );
  return (
    <Panel
      id="inventory"
      title={t("inventory.title")}
      note={
        rows !== null &&
        t("inventory.shown", { shown: rows.length, count: nodes?.length ?? rows.length })
      }
      aside={<SearchBox />}
      className={props.className}
      flush
    >
      {rows === null ? (
        error ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : (
          <Waiting />
        )
      ) : rows.length === 0 ? (
        <NothingFits />
      ) : (
        <InventoryTable rows={rows} fill={props.fill} />
      )}
    </Panel>
  );
}

function SearchBox() {
  const { t } = useTranslation();
  const { view, change } = useView();
  return (
    <search className={styles.search}>
      <Search size={16} aria-hidden="true" />
      <input
        data-search
        type="text"
        aria-label={t("inventory.search")}
        placeholder={t("inventory.searchPlaceholder")}
        value={view.q}
        onChange={(event) => change({ q: event.target.value }, { replace: true })}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (view.q === "") event.currentTarget.blur();
          else change({ q: "" }, { replace: true });
        }}
      />
      {view.q === "" ? (
        <kbd>/</kbd>
      ) : (
        <button
          type="button"
          aria-label={t("action.clear")}
          onClick={() => change({ q: "" }, { replace: true })}
        >
          <X size={14} aria-hidden="true" />
        </button>
      )}
    </search>
  );
}

function NothingFits() {
  const { t } = useTranslation();
  const { change } = useView();
  return (
    <Message title={t("inventory.none")}>
      <p>{t("inventory.noneWhy")}</p>
      <button
        type="button"
        className={styles.clear}
        onClick={() => change({ q: "", region: null })}
      >
        {t("inventory.clear")}
      </button>
    </Message>
  );
}

function Waiting() {
  return (
    <div className={styles.waiting}>
      {["a", "b", "c", "d"].map((row) => (
        <Bone key={row} height="28px" />
      ))}
    </div>
  );
}
