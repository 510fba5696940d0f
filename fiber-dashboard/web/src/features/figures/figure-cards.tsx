import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { ClusterView } from "#contracts";
import { clusterQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { Failure } from "../../ui/failure.js";
import { milliseconds, percent, UNKNOWN } from "../../ui/format.js";
import { changeOf } from "./change.js";
import { FigureCard, WaitingCard } from "./figure-card.js";
import styles from "./figure-cards.module.css";

/** How much: latency, availability, loss and probes over the window, each against the one before. */
export function FigureCards({ className }: { className?: string | undefined }) {
  const { t } = useTranslation();
  const { view } = useView();
  const cluster = useQuery(clusterQuery(view.scope, view.region));
  return (
    <section
      aria-label={t("figures.label")}
      className={[styles.cards, className].filter(Boolean).join(" ")}
      aria-busy={cluster.isPlaceholderData}
    >
      {cluster.data !== undefined ? (
        <Cards cluster={cluster.data} />
      ) : cluster.error ? (
        <div className={styles.failure}>
          <Failure error={cluster.error} retry={() => void cluster.refetch()} />
        </div>
      ) : (
        ["latency", "availability", "loss", "probes"].map((name) => <WaitingCard key={name} />)
      )}
    </section>
  );
}

function Cards({ cluster }: { cluster: ClusterView }) {
  const { t, i18n } = useTranslation();
  const { summary, previous, trend, probes } = cluster;
  const language = i18n.language;
  const p95 = milliseconds(summary.latency_p95_ms, language);
  return (
    <>
      <FigureCard
        title={t("figures.latency")}
        tag={t("figures.p50")}
        main={milliseconds(summary.latency_p50_ms, language)}
        beside={{ label: t("figures.p95"), measure: p95 }}
        change={changeOf(summary.latency_p50_ms, previous.latency_p50_ms, "lower", 0.005)}
        changeUnit="ms"
        values={trend.map((point) => point.latency_median_ms)}
        scale={{ low: 0, high: 1 }}
      />
      <FigureCard
        title={t("figures.availability")}
        main={percent(summary.availability_pct, language)}
        change={changeOf(summary.availability_pct, previous.availability_pct, "higher", 0.005)}
        changeUnit={t("figures.points")}
        values={trend.map((point) => point.availability_pct)}
        color="var(--healthy)"
        scale={{ low: 98, high: 100 }}
      />
      <FigureCard
        title={t("figures.loss")}
        main={percent(summary.loss_pct, language)}
        change={changeOf(summary.loss_pct, previous.loss_pct, "lower", 0.005)}
        changeUnit={t("figures.points")}
        values={trend.map((point) => point.loss_pct)}
        color="var(--critical)"
        scale={{ low: 0, high: 2 }}
      />
      <FigureCard
        title={t("figures.probes")}
        main={{
          value: probes.expected === 0 ? UNKNOWN : String(probes.reporting),
          unit: t("figures.of", { expected: probes.expected }),
        }}
        beside={{ label: t("figures.coverage"), measure: percent(summary.coverage_pct, language) }}
        change={changeOf(
          summary.coverage_pct,
          previous.samples === 0 ? null : previous.coverage_pct,
          "higher",
          0.005,
        )}
        changeOf={t("figures.coverage")}
        changeUnit={t("figures.points")}
        values={trend.map((point) => point.probes_reporting)}
        scale={{ low: 0, high: probes.expected }}
      />
    </>
  );
}
