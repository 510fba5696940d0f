import { CircleAlert } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Message } from "../ui/message.js";
import styles from "./fallbacks.module.css";

/** Stands in for a page that threw while it was drawn. */
export function CrashScreen({ error }: { error: unknown }) {
  const { t } = useTranslation();
  useEffect(() => console.error(error), [error]);
  return (
    <main className={styles.screen}>
      <Message role="alert" title={t("error.crash")} icon={<CircleAlert />}>
        <p>{t("error.crashWhy")}</p>
        <button type="button" className={styles.button} onClick={() => location.reload()}>
          {t("error.reload")}
        </button>
      </Message>
    </main>
  );
}

/** Stands in for an address without a page. */
export function NoPage() {
  const { t } = useTranslation();
  return (
    <div className={styles.screen}>
      <Message title={t("error.noPage")}>
        <a href="/">{t("app.overview")}</a>
      </Message>
    </div>
  );
}
