import { CircleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorWords } from "./error-words.js";
import styles from "./failure.module.css";
import { Message } from "./message.js";

/** Stands where data could not be read. */
export function Failure({ error, retry }: { error: Error; retry: () => void }) {
  const { t } = useTranslation();
  return (
    <Message role="alert" title={t("error.title")} icon={<CircleAlert size={20} />}>
      <ErrorWords error={error} />
      <button type="button" className={styles.retry} onClick={retry}>
        {t("action.retry")}
      </button>
    </Message>
  );
}
