import { useTranslation } from "react-i18next";
import type { ChartPoint } from "#contracts";
import { type Tab, useView } from "../../data/view.js";
import { type Measure, milliseconds, moment, percent, text, UNKNOWN } from "../../ui/format.js";
import { Value } from "../../ui/value.js";
import { LOSS_STEPS } from "./loss-colors.js";
import { isKnown, type PreparedPoints } from "./prepare-points.js";
import styles from "./trend-panel.module.css";

/** The value of a point that a tab is about. */
export function measureOf(point: ChartPoint | undefined, tab: Tab, language: string): Measure {
  if (tab === "latency") return milliseconds(point?.latency_median_ms, language);
  return percent(tab === "loss" ? point?.loss_pct : point?.availability_pct, language);
}

/** The point under the cursor, or the newest known one, in numbers; and what the colours mean. */
export function Readout({ prepared, index }: { prepared: PreparedPoints; index: number | null }) {
  const { t, i18n } = useTranslation();
  const { view } = useView();
  const language = i18n.language;
  const point = index === null ? prepared.points.findLast(isKnown) : prepared.points[index];
  return (
    <div className={styles.readout}>
      <p className={styles.point} aria-live={index === null ? "off" : "polite"}>
        <span className={`number ${styles.time}`}>
          {point === undefined ? UNKNOWN : moment(point.time, language, Date.now())}
        </span>
        {point !== undefined && !isKnown(point) ? (
          <span>{t("trend.unknown")}</span>
        ) : (
          <PointValues point={point} tab={view.tab} />
        )}
      </p>
      <Legend tab={view.tab} />
    </div>
  );
}

function PointValues({ point, tab }: { point: ChartPoint | undefined; tab: Tab }) {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const low = milliseconds(point?.latency_min_ms, language);
  const high = milliseconds(point?.latency_max_ms, language);
  const values: (readonly [string, Measure])[] =
    tab === "latency"
      ? [
          [t("trend.median"), milliseconds(point?.latency_median_ms, language)],
          [t("trend.range"), { value: `${low.value}–${high.value}`, unit: high.unit }],
          [t("trend.lossScale"), percent(point?.loss_pct, language)],
        ]
      : [[t(`trend.${tab}`), measureOf(point, tab, language)]];
  return (
    <>
      {values.map(([name, measure]) => (
        <span key={name} className={styles.pair}>
          {name} <Value measure={measure} />
        </span>
      ))}
      <span className={styles.pair}>
        {t("figures.coverage")}{" "}
        <span className="number">{text(percent(point?.coverage_pct, language))}</span>
      </span>
    </>
  );
}

function Legend({ tab }: { tab: Tab }) {
  const { t } = useTranslation();
  return (
    <ul className={styles.legend}>
      {tab !== "availability" && (
        <li>
          {t("trend.lossScale")}
          {LOSS_STEPS.map((step) => (
            <span key={step.label} className={styles.step}>
              <i style={{ background: `var(${step.token})` }} />
              {step.label}
            </span>
          ))}
        </li>
      )}
      <li>
        <i className={styles.silent} />
        {t("trend.nothing")}
      </li>
      <li>
        <i className={styles.unknown} />
        {t("trend.unknown")}
      </li>
    </ul>
  );
}
