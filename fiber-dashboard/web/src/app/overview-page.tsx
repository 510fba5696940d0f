import { useQuery } from "@tanstack/react-query";
import { Satellite } from "lucide-react";
import { useTranslation } from "react-i18next";
import { nodesQuery } from "../data/queries.js";
import { FigureCards } from "../features/figures/figure-cards.js";
import { FleetMap } from "../features/fleet-map/fleet-map.js";
import { Inventory } from "../features/inventory/inventory.js";
import { ProblemList } from "../features/problems/problem-list.js";
import { TrendPanel } from "../features/trend/trend-panel.js";
import { Command, Message } from "../ui/message.js";
import styles from "./overview-page.module.css";

/** Is it all right, where not, how much, since when, everything: in this order. */
export function OverviewPage() {
  const { data: nodes } = useQuery(nodesQuery);
  if (nodes?.length === 0) return <NoProbes />;
  return (
    <div className={styles.grid}>
      <FleetMap className={styles.map} />
      <ProblemList className={styles.problems} />
      <FigureCards className={styles.figures} />
      <TrendPanel className={styles.trend} />
      <Inventory className={styles.inventory} fill={false} />
    </div>
  );
}

function NoProbes() {
  const { t } = useTranslation();
  return (
    <div className={styles.empty}>
      <Message title={t("empty.title")} icon={<Satellite size={28} />}>
        <p>{t("empty.why")}</p>
        <Command line={t("empty.command")} />
      </Message>
    </div>
  );
}
