import { Check, Copy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./message.module.css";

/** What stands where data would be: what is (not) there, why, and what to do. */
export function Message(props: {
  readonly title: string;
  readonly icon?: ReactNode;
  readonly children?: ReactNode;
  readonly role?: "alert" | "status";
}) {
  return (
    <div className={styles.message} role={props.role}>
      {props.icon !== undefined && <span className={styles.icon}>{props.icon}</span>}
      <p className={styles.title}>{props.title}</p>
      {props.children}
    </div>
  );
}

/** A command to copy into a terminal. */
export function Command({ line }: { line: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(line);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <span className={styles.command}>
      <code>{line}</code>
      {"clipboard" in navigator && (
        <button type="button" onClick={() => void copy()} aria-label={t("action.copy")}>
          {copied ? <Check size={16} /> : <Copy size={16} />}
        </button>
      )}
    </span>
  );
}
