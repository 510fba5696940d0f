import { useTranslation } from "react-i18next";
import { useLiveStatus } from "../../data/use-live.js";
import { duration } from "../../ui/format.js";
import { useNow } from "../../ui/use-now.js";
import styles from "./live-mark.module.css";

/** Whether what is shown is fresh, and how old it is when it is not. */
export function LiveMark() {
  const { t, i18n } = useTranslation();
  const { phase, heardMs } = useLiveStatus();
  const nowMs = useNow();
  const age = heardMs === null ? null : duration(nowMs - heardMs, i18n.language);
  const words =
    phase === "live"
      ? [t("live.live"), age].filter(Boolean).join(" · ")
      : phase === "reconnecting"
        ? age === null
          ? t("live.never")
          : t("live.reconnecting", { age })
        : t(`live.${phase}`);
  return (
    <span className={styles.mark} data-phase={phase} data-testid="live-mark">
      <span className={styles.dot} aria-hidden="true" />
      <span className="number">{words}</span>
    </span>
  );
}
