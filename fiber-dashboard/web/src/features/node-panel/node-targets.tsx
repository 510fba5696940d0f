import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { NodeView, SampleView } from "#contracts";
import { useView } from "../../data/view.js";
import { milliseconds, percent } from "../../ui/format.js";
import { Value } from "../../ui/value.js";
import styles from "./node-panel.module.css";

/** A probe's targets with their newest values; choosing one shows it in the chart. */
export function NodeTargets(props: { node: NodeView; samples: readonly SampleView[] }) {
  const { t, i18n } = useTranslation();
  const { view, change } = useView();
  const { node, samples } = props;
  const language = i18n.language;
  return (
    <section className={styles.section}>
      <header className={styles.sectionHead}>
        <h3>{t("node.targets")}</h3>
      </header>
      {node.series.length === 0 && <p className={styles.caption}>{t("node.noTargets")}</p>}
      <ul className={styles.targets}>
        {node.series.map(({ target, check }) => {
          const sample = samples.find((each) => each.target === target && each.check === check);
          const chosen =
            view.chart === node.node_id &&
            view.target?.target === target &&
            view.target.check === check;
          return (
            <li key={`${check}:${target}`}>
              <button
                type="button"
                className={styles.target}
                aria-pressed={chosen}
                onClick={() => change({ chart: node.node_id, target: { target, check } })}
              >
                <span className={styles.check}>{check}</span>
                <span className={styles.host} title={target}>
                  {target}
                </span>
                <Value measure={milliseconds(sample?.latency_ms, language)} />
                <span className={styles.loss} data-some={(sample?.packet_loss ?? 0) > 0}>
                  {t("trend.loss")} <Value measure={percent(sample?.packet_loss, language)} />
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Checks that the probe itself could not run: its own fault, never counted as loss. */
export function UnableChecks({ node }: { node: NodeView }) {
  const { t } = useTranslation();
  if (node.unable.length === 0) return null;
  return (
    <section className={styles.section}>
      <header className={styles.sectionHead}>
        <h3 className={styles.unableTitle}>
          <TriangleAlert size={16} aria-hidden="true" />
          {t("node.unable")}
        </h3>
      </header>
      <p className={styles.caption}>{t("node.unableWhy")}</p>
      <ul className={styles.unable}>
        {node.unable.map(({ target, check, reason }) => (
          <li key={`${check}:${target}`}>
            <span className={styles.check}>{check}</span>
            <span className={styles.host}>{target}</span>
            <span className={styles.why} lang="en">
              {reason}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
