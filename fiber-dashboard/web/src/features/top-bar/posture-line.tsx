import { useQuery } from "@tanstack/react-query";
import { ShieldAlert, ShieldCheck, ShieldQuestion, ShieldX } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Posture } from "#contracts";
import { clusterQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { duration } from "../../ui/format.js";
import { POSTURE_COLORS } from "../../ui/states.js";
import { useNow } from "../../ui/use-now.js";
import styles from "./posture-line.module.css";

const ICONS: Readonly<Record<Posture, typeof ShieldCheck>> = {
  SECURED: ShieldCheck,
  CONTESTED: ShieldAlert,
  COMPROMISED: ShieldX,
};

/** The first answer of the screen: is it all right, since when, and if not, why. */
export function PostureLine() {
  const { t, i18n } = useTranslation();
  const { view } = useView();
  const posture = useQuery(clusterQuery(view.scope, view.region)).data?.posture;
  const nowMs = useNow();
  const Icon = posture === undefined ? ShieldQuestion : ICONS[posture.posture];
  const color = posture === undefined ? "var(--muted)" : POSTURE_COLORS[posture.posture];
  return (
    <div className={styles.line} data-testid="posture">
      <h1 className="visually-hidden">{t("posture.label")}</h1>
      <span className={styles.posture} style={{ color }} role="status">
        <Icon size={22} strokeWidth={2.25} aria-hidden="true" />
        <strong>
          {t(posture === undefined ? "posture.unknown" : `posture.${posture.posture}`)}
        </strong>
      </span>
      {posture !== undefined && (
        <span className={styles.why}>
          <span className={styles.since}>
            {t("posture.since", {
              age: duration(nowMs - Date.parse(posture.since), i18n.language),
            })}
          </span>
          <span className={styles.reason} title={posture.reason ?? undefined}>
            {posture.reason === null ? (
              t("posture.healthy")
            ) : (
              <span lang="en">{posture.reason}</span>
            )}
          </span>
        </span>
      )}
    </div>
  );
}
