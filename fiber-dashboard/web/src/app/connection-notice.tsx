import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCw, WifiOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { clusterQuery, nodesQuery } from "../data/queries.js";
import { useView } from "../data/view.js";
import { ErrorWords } from "../ui/error-words.js";
import { duration } from "../ui/format.js";
import { useNow } from "../ui/use-now.js";
import styles from "./connection-notice.module.css";

/**
 * Says that what is on the screen can no longer be read anew: why, since when, and the request to
 * quote. Floats over the page's foot, so that nothing moves. Without any data the panels say it.
 */
export function ConnectionNotice() {
  const { t, i18n } = useTranslation();
  const { view } = useView();
  const client = useQueryClient();
  const nowMs = useNow();
  const reads = [useQuery(nodesQuery), useQuery(clusterQuery(view.scope, view.region))];
  const failed = reads.find((read) => (read.error ?? read.failureReason) !== null);
  const error = failed?.error ?? failed?.failureReason;
  if (failed === undefined || !error || failed.data === undefined) return null;
  const age = duration(nowMs - failed.dataUpdatedAt, i18n.language);
  return (
    <div className={styles.notice} role="status" data-testid="connection-notice">
      <WifiOff size={18} aria-hidden="true" />
      <div>
        <ErrorWords error={error} />
        <p>{t("error.kept", { age })}</p>
      </div>
      <button
        type="button"
        className={styles.retry}
        onClick={() => void client.invalidateQueries()}
        aria-label={t("action.retry")}
      >
        <RotateCw size={16} aria-hidden="true" />
      </button>
    </div>
  );
}
