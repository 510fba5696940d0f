import { SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { nodesQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { isScope, SCOPES, type Scope } from "../../data/window.js";
import styles from "./view-controls.module.css";

/** Which stretch of time every figure and chart covers. */
export function ScopeChoice() {
  const { t } = useTranslation();
  const { view, change } = useView();
  const scopes = Object.keys(SCOPES) as Scope[];
  return (
    <SegmentedControl
      aria-label={t("scope.label")}
      className={styles.scopes ?? ""}
      size="xs"
      transitionDuration={0}
      data={scopes.map((scope) => ({ value: scope, label: t(`scope.${scope}`) }))}
      value={view.scope}
      onChange={(value) => isScope(value) && change({ scope: value })}
    />
  );
}

/** Which region the screen is narrowed to. */
export function RegionChoice() {
  const { t } = useTranslation();
  const { view, change } = useView();
  const { data: nodes } = useQuery(nodesQuery);
  const regions = useMemo(() => {
    const known = new Set((nodes ?? []).map((node) => node.region));
    if (view.region !== null) known.add(view.region);
    return [...known].sort((a, b) => a.localeCompare(b));
  }, [nodes, view.region]);
  return (
    <Select
      aria-label={t("region.label")}
      className={styles.region ?? ""}
      size="xs"
      placeholder={t("region.all")}
      data={regions}
      value={view.region}
      onChange={(region) => change({ region })}
      clearable
      searchable={regions.length > 8}
      clearButtonProps={{ "aria-label": t("action.clear") }}
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}
