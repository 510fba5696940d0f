import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { NodeState, ReadinessView } from "#contracts";
import { readinessQuery } from "../../data/queries.js";
import { Age } from "../../ui/age.js";
import { Bone } from "../../ui/bone.js";
import { Failure } from "../../ui/failure.js";
import { Panel } from "../../ui/panel.js";
import { StateShape } from "../../ui/state-mark.js";
import { STATE_LOOKS } from "../../ui/states.js";
import styles from "./readiness-panel.module.css";

type Item = ReadinessView["items"][number];
type Light = ReadinessView["light"];

/** A light has the colour and the shape of a state, and a word of its own. */
const LOOKS: Readonly<Record<Light, NodeState>> = {
  green: "HEALTHY",
  amber: "DEGRADED",
  red: "DOWN",
};
const ORDER: Readonly<Record<Light, number>> = { red: 0, amber: 1, green: 2 };

/** Whether a rollback would work right now, worst first, each with its remedy. */
export function ReadinessPanel({ className }: { className?: string | undefined }) {
  const { t } = useTranslation();
  const readiness = useQuery(readinessQuery);
  return (
    <Panel id="readiness" title={t("recovery.ready")} className={className} flush>
      {readiness.data !== undefined ? (
        <Readiness readiness={readiness.data} />
      ) : readiness.error ? (
        <Failure error={readiness.error} retry={() => void readiness.refetch()} />
      ) : (
        <div className={styles.waiting}>
          <Bone height="28px" width="60%" />
          <Bone height="44px" />
          <Bone height="44px" />
        </div>
      )}
    </Panel>
  );
}

function Readiness({ readiness }: { readiness: ReadinessView }) {
  const { t } = useTranslation();
  const { light, summary, items } = readiness;
  const sorted = items.toSorted((a, b) => ORDER[a.light] - ORDER[b.light]);
  const green = items.filter((item) => item.light === "green").length;
  const open = sorted.filter((item) => item.light !== "green");
  return (
    <>
      <div className={styles.verdict} data-light={light} data-row>
        <LightMark light={light} size={20} />
        <div>
          <p className={styles.word}>{t(`recovery.light.${light}`)}</p>
          <p className={styles.summary}>
            <span lang="en">{summary}</span> <Checked at={readiness.checked_at} />
          </p>
        </div>
      </div>
      {open.length > 0 && <Items items={open} />}
      <details className={styles.rest} open={open.length === 0}>
        <summary>
          {open.length === 0
            ? t("recovery.allGreen", { count: green })
            : t("recovery.others", { count: green })}
        </summary>
        <Items items={sorted.filter((item) => item.light === "green")} />
      </details>
    </>
  );
}

function Checked({ at }: { at: string }) {
  const { t } = useTranslation();
  const [before, after] = t("recovery.checked", { age: "\u0000" }).split("\u0000");
  return (
    <span className={styles.checked}>
      {before}
      <Age at={at} />
      {after}
    </span>
  );
}

function Items({ items }: { items: readonly Item[] }) {
  return (
    <ul className={styles.items}>
      {items.map((item) => (
        <li key={item.id} className={styles.item}>
          <LightMark light={item.light} size={14} />
          <div lang="en">
            <p className={styles.title}>{item.title}</p>
            <p className={styles.reason}>{item.reason}</p>
            {item.remedy !== null && <p className={styles.remedy}>{item.remedy}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}

function LightMark({ light, size }: { light: Light; size: number }) {
  const { t } = useTranslation();
  const state = LOOKS[light];
  return (
    <svg
      className={styles.mark}
      width={size}
      height={size}
      viewBox="-8 -8 16 16"
      role="img"
      aria-label={t(`recovery.light.${light}`)}
      style={{ color: STATE_LOOKS[state].color }}
    >
      <StateShape state={state} />
    </svg>
  );
}
