import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { nodesQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import styles from "./trend-panel.module.css";

const instant = { transitionProps: { duration: 0 } };

/** Whose course the chart shows: the fleet (or the region), a probe, or one target of it. */
export function SubjectChoice() {
  const { t } = useTranslation();
  const { view, change } = useView();
  const { data: nodes } = useQuery(nodesQuery);
  const known = (nodes ?? [])
    .filter((node) => view.region === null || node.region === view.region)
    .map((node) => node.node_id);
  const names = view.chart === null || known.includes(view.chart) ? known : [view.chart, ...known];
  const series = nodes?.find((node) => node.node_id === view.chart)?.series ?? [];
  const targets = series.map(({ target, check }) => ({
    value: `${check}:${target}`,
    label: `${target} · ${check}`,
    choice: { target, check },
  }));
  const chosen = view.target === null ? null : `${view.target.check}:${view.target.target}`;
  return (
    <>
      <Select
        aria-label={t("trend.subject")}
        className={styles.subject ?? ""}
        size="xs"
        placeholder={
          view.region === null ? t("trend.fleet") : t("trend.regionFleet", { region: view.region })
        }
        data={names}
        value={view.chart}
        onChange={(chart) => change({ chart, target: null })}
        searchable={names.length > 8}
        clearable
        clearButtonProps={{ "aria-label": t("action.showFleet") }}
        comboboxProps={instant}
      />
      {view.chart !== null && (
        <Select
          aria-label={t("trend.target")}
          className={styles.target ?? ""}
          size="xs"
          placeholder={t("trend.summary")}
          data={targets.map(({ value, label }) => ({ value, label }))}
          value={chosen}
          onChange={(value) =>
            change({ target: targets.find((each) => each.value === value)?.choice ?? null })
          }
          searchable={targets.length > 8}
          clearable
          clearButtonProps={{ "aria-label": t("action.clear") }}
          comboboxProps={instant}
        />
      )}
    </>
  );
}
