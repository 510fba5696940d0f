import { useTranslation } from "react-i18next";
import { duration, moment, UNKNOWN } from "./format.js";
import { useNow } from "./use-now.js";

/** How long ago a moment was, ticking; its exact time on hover. Null is unknown. */
export function Age({ at }: { at: string | null }) {
  const { i18n } = useTranslation();
  const nowMs = useNow();
  if (at === null) return <span className="number">{UNKNOWN}</span>;
  return (
    <time className="number" dateTime={at} title={moment(at, i18n.language, nowMs)}>
      {duration(nowMs - Date.parse(at), i18n.language)}
    </time>
  );
}
