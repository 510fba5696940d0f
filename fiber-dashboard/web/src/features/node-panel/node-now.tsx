import { useQuery } from "@tanstack/react-query";
import { ChartLine } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { NodeView } from "#contracts";
import { seriesQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { milliseconds, percent } from "../../ui/format.js";
import { Sparkline } from "../../ui/sparkline.js";
import { Value } from "../../ui/value.js";
import styles from "./node-panel.module.css";

/** The newest round of a probe and its course over the time scope. */
export function NodeNow({ node }: { node: NodeView }) {
  const { t, i18n } = useTranslation();
  const { view, change } = useView();
  const language = i18n.language;
  const series = useQuery(
    seriesQuery({ node: node.node_id, target: null, check: null }, view.scope),
  );
  const points = series.data?.points ?? [];
  const isCharted = view.chart === node.node_id && view.target === null;
  return (
    <section className={styles.section}>
      <header className={styles.sectionHead}>
        <h3>{t("node.now")}</h3>
        <button
          type="button"
          className={styles.quiet}
          aria-pressed={isCharted}
          onClick={() => change({ chart: node.node_id, target: null })}
        >
          <ChartLine size={14} aria-hidden="true" />
          {t("action.chart")}
        </button>
      </header>
      <dl className={styles.numbers}>
        <div>
          <dt>{t("trend.latency")}</dt>
          <dd>
            <Value measure={milliseconds(node.latest?.latency_ms, language)} />
          </dd>
        </div>
        <div>
          <dt>{t("trend.loss")}</dt>
          <dd>
            <Value measure={percent(node.latest?.packet_loss, language)} />
          </dd>
        </div>
        <div>
          <dt>{t("trend.availability")}</dt>
          <dd>
            <Value measure={percent(node.latest?.uptime_pct, language)} />
          </dd>
        </div>
      </dl>
      <div className={styles.course}>
        <Sparkline
          values={points.map((point) => point.latency_median_ms)}
          scale={{ low: 0, high: 1 }}
        />
      </div>
      <p className={styles.caption}>
        {t("trend.latency")}, {t("scope.last", { scope: t(`scope.${view.scope}`) })}
      </p>
    </section>
  );
}
