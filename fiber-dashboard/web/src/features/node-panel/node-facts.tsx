import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { NodeView } from "#contracts";
import { duration, UNKNOWN } from "../../ui/format.js";
import { useNow } from "../../ui/use-now.js";
import styles from "./node-panel.module.css";

/** What a probe is: where, how often, which release, how it gets out. */
export function NodeFacts({ node }: { node: NodeView }) {
  const { t, i18n } = useTranslation();
  const nowMs = useNow();
  const language = i18n.language;
  const degrees = new Intl.NumberFormat(language, { maximumFractionDigits: 4 });
  const seen =
    node.last_seen_at === null
      ? t("node.never")
      : t("node.ago", { age: duration(nowMs - Date.parse(node.last_seen_at), language) });
  const facts: readonly (readonly [string, ReactNode])[] = [
    [t("node.seen"), seen],
    [t("node.uplink"), t(`node.uplinkState.${node.uplink}`)],
    [t("node.region"), `${node.region}, ${node.country}`],
    [
      t("node.place"),
      node.coordinates === null
        ? UNKNOWN
        : `${degrees.format(node.coordinates[0])}°, ${degrees.format(node.coordinates[1])}°`,
    ],
    [t("node.interval"), duration(node.interval_ms, language)],
    [t("node.release"), node.version ?? UNKNOWN],
  ];
  return (
    <section className={styles.section}>
      <header className={styles.sectionHead}>
        <h3>{t("node.about")}</h3>
      </header>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="number">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
