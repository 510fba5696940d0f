import { useTranslation } from "react-i18next";
import styles from "./shell.module.css";

/** The product's sign at the head of the rail. */
export function Mark() {
  const { t } = useTranslation();
  return (
    <span className={styles.mark} title={t("app.name")}>
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <path
          d="M4 20c5 0 5-10 9.5-10s5 12 9.5 12"
          fill="none"
          stroke="var(--accent)"
          strokeWidth="2.5"
          strokeLinecap="round"
        />
        <circle cx="26.5" cy="20" r="2.75" fill="var(--healthy)" />
      </svg>
    </span>
  );
}
