import { ArrowDown, ArrowUp, Minus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useView } from "../../data/view.js";
import { Bone } from "../../ui/bone.js";
import type { Measure } from "../../ui/format.js";
import { Sparkline } from "../../ui/sparkline.js";
import type { SparklineScale } from "../../ui/sparkline-paths.js";
import { Value } from "../../ui/value.js";
import type { Change } from "./change.js";
import styles from "./figure-cards.module.css";

/** One figure: number, unit, window, change against the window before, course. */
export function FigureCard(props: {
  readonly title: string;
  readonly tag?: string;
  readonly main: Measure;
  readonly beside?: { readonly label: string; readonly measure: Measure };
  readonly change: Change | null;
  /** What changed, where that is not the main number. */
  readonly changeOf?: string;
  readonly changeUnit: string;
  readonly values: readonly (number | null)[];
  readonly color?: string;
  readonly scale: SparklineScale;
}) {
  const { t } = useTranslation();
  const { view } = useView();
  const { title, tag, main, beside, color } = props;
  return (
    <article className={styles.card}>
      <header className={styles.head}>
        <h2 className={styles.title}>{title}</h2>
        <span className={styles.window}>
          {t("scope.last", { scope: t(`scope.${view.scope}`) })}
        </span>
      </header>
      <p className={styles.numbers}>
        <span className={styles.main}>
          {tag !== undefined && <span className={styles.tag}>{tag}</span>}
          <Value measure={main} />
        </span>
        {beside !== undefined && (
          <span className={styles.beside}>
            <span className={styles.tag}>{beside.label}</span>
            <Value measure={beside.measure} />
          </span>
        )}
      </p>
      <div className={styles.course}>
        <Sparkline
          values={props.values}
          scale={props.scale}
          {...(color === undefined ? {} : { color })}
        />
      </div>
      <ChangeLine change={props.change} unit={props.changeUnit} of={props.changeOf} />
    </article>
  );
}

function ChangeLine(props: {
  readonly change: Change | null;
  readonly unit: string;
  readonly of: string | undefined;
}) {
  const { change, unit } = props;
  const { t, i18n } = useTranslation();
  const { view } = useView();
  const scope = t(`scope.${view.scope}`);
  if (change === null) {
    return <p className={styles.change}>{t("figures.noPrevious", { scope })}</p>;
  }
  if (change.verdict === "same") {
    return (
      <p className={styles.change}>
        <Minus size={14} aria-hidden="true" />
        {props.of !== undefined && <span>{props.of}</span>}
        {t("figures.same", { scope })}
      </p>
    );
  }
  const Arrow = change.delta > 0 ? ArrowUp : ArrowDown;
  const size = new Intl.NumberFormat(i18n.language, {
    maximumFractionDigits: Math.abs(change.delta) >= 10 ? 1 : 2,
    signDisplay: "exceptZero",
  }).format(change.delta);
  return (
    <p className={styles.change} data-verdict={change.verdict}>
      <Arrow size={14} aria-hidden="true" />
      {props.of !== undefined && <span>{props.of}</span>}
      <span className="number">{`${size}\u202f${unit}`}</span>
      <span className={styles.versus}>{t("figures.previous", { scope })}</span>
    </p>
  );
}

/** The space of a card that is still loading. */
export function WaitingCard() {
  return (
    <div className={styles.card}>
      <Bone height="20px" width="50%" />
      <Bone height="36px" width="60%" />
      <div className={styles.course}>
        <Bone height="100%" />
      </div>
      <Bone height="18px" width="70%" />
    </div>
  );
}
