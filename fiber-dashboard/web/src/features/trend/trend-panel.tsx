import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { clusterQuery, seriesQuery } from "../../data/queries.js";
import { TABS, useView, type View } from "../../data/view.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { duration, milliseconds, text } from "../../ui/format.js";
import { Message } from "../../ui/message.js";
import { Panel } from "../../ui/panel.js";
import { cutSpike } from "./latency-scale.js";
import { isKnown, type PreparedPoints, preparePoints } from "./prepare-points.js";
import { measureOf, Readout } from "./readout.js";
import { SubjectChoice } from "./subject-choice.js";
import styles from "./trend-panel.module.css";

const TrendCanvas = lazy(() => import("./trend-canvas.js"));

/** Since when: the course of one measure, of the fleet, a region, a probe or one target. */
export function TrendPanel({ className }: { className?: string | undefined }) {
  const { t } = useTranslation();
  const { view, change } = useView();
  return (
    <Panel
      id="trend"
      title={t("trend.title")}
      className={className}
      aside={
        <>
          <SubjectChoice />
          <SegmentedControl
            aria-label={t("trend.measure")}
            size="xs"
            transitionDuration={0}
            data={TABS.map((tab) => ({ value: tab, label: t(`trend.${tab}`) }))}
            value={view.tab}
            onChange={(value) => {
              const tab = TABS.find((each) => each === value);
              if (tab !== undefined) change({ tab });
            }}
          />
        </>
      }
    >
      {view.chart === null ? <FleetTrend /> : <NodeTrend node={view.chart} />}
    </Panel>
  );
}

function FleetTrend() {
  const { view } = useView();
  const cluster = useQuery(clusterQuery(view.scope, view.region));
  const { data } = cluster;
  const prepared = useMemo(
    () => (data === undefined ? null : preparePoints({ ...data, points: data.trend })),
    [data],
  );
  return <Trend prepared={prepared} read={cluster} />;
}

function NodeTrend({ node }: { node: string }) {
  const { view } = useView();
  const series = useQuery(
    seriesQuery(
      { node, target: view.target?.target ?? null, check: view.target?.check ?? null },
      view.scope,
    ),
  );
  const { data } = series;
  const prepared = useMemo(() => (data === undefined ? null : preparePoints(data)), [data]);
  return <Trend prepared={prepared} read={series} resolution={data?.resolution} />;
}

function Trend(props: {
  readonly prepared: PreparedPoints | null;
  readonly read: { readonly error: Error | null; readonly refetch: () => unknown };
  readonly resolution?: "raw" | "hourly" | "daily" | undefined;
}) {
  const { t, i18n } = useTranslation();
  const { view } = useView();
  const [cursor, setCursor] = useState<number | null>(null);
  const onCursor = useCallback((index: number | null) => setCursor(index), []);
  const { prepared, read, resolution } = props;
  const waiting = <Bone height="100%" />;
  if (prepared === null) {
    return (
      <div className={styles.frame}>
        <div className={styles.readout} />
        <div className={styles.chart}>
          {read.error ? <Failure error={read.error} retry={() => void read.refetch()} /> : waiting}
        </div>
      </div>
    );
  }
  const known = prepared.points.filter(isKnown);
  const spike = view.tab === "latency" ? cutSpike(prepared) : null;
  const label = t("trend.describe", {
    measure: t(`trend.${view.tab}`),
    subject: subjectName(view, t("trend.fleet")),
    scope: t("scope.last", { scope: t(`scope.${view.scope}`) }),
    known: known.length,
    total: prepared.points.length,
    latest: text(measureOf(known.at(-1), view.tab, i18n.language)),
  });
  return (
    <div className={styles.frame}>
      <Readout prepared={prepared} index={cursor} />
      <div className={styles.chart}>
        {known.length === 0 ? (
          <Message title={t("trend.empty")}>
            <p>{t("trend.emptyWhy")}</p>
          </Message>
        ) : (
          <Suspense fallback={waiting}>
            <TrendCanvas
              prepared={prepared}
              tab={view.tab}
              language={i18n.language}
              label={label}
              cursor={cursor}
              onCursor={onCursor}
            />
          </Suspense>
        )}
      </div>
      <p className={styles.foot}>
        {t("trend.step", { step: duration(prepared.bucketS * 1_000, i18n.language) })}
        {resolution !== undefined && ` · ${t(`trend.resolution.${resolution}`)}`}
        {spike !== null &&
          ` · ${t("trend.cut", { highest: text(milliseconds(spike, i18n.language)) })}`}
      </p>
    </div>
  );
}

function subjectName(view: View, fleet: string): string {
  if (view.chart === null) return view.region ?? fleet;
  return view.target === null ? view.chart : `${view.chart} → ${view.target.target}`;
}
