import { useTranslation } from "react-i18next";
import styles from "./error-words.module.css";

interface Described {
  readonly code?: string;
  readonly status?: number;
  readonly requestId?: string | null;
}

/** An error in words: what failed, what to do, its code, and the request to quote. */
export function ErrorWords({ error }: { error: Error }) {
  const { t } = useTranslation();
  const { code, status, requestId } = error as Error & Described;
  const words =
    code === "UNREACHABLE"
      ? t("error.unreachable")
      : code === "BAD_ANSWER"
        ? t("error.badAnswer", { path: error.message, status })
        : error.message;
  return (
    <>
      <p className={styles.words}>{words}</p>
      <p className={styles.quote}>
        {code !== undefined && <code>{code}</code>}
        {requestId && <code>{t("error.request", { id: requestId })}</code>}
      </p>
    </>
  );
}
