import type { ReactNode } from "react";
import styles from "./panel.module.css";

/** A titled surface of the screen. `aside` stands right of the title; `flush` drops the padding. */
export function Panel(props: {
  readonly id: string;
  readonly title: string;
  readonly note?: ReactNode;
  readonly aside?: ReactNode;
  readonly flush?: boolean;
  readonly className?: string | undefined;
  readonly children: ReactNode;
}) {
  const headingId = `${props.id}-title`;
  return (
    <section
      id={props.id}
      aria-labelledby={headingId}
      className={[styles.panel, props.className].filter(Boolean).join(" ")}
    >
      <header className={styles.head}>
        <h2 id={headingId} className={styles.title}>
          {props.title}
        </h2>
        {props.note !== undefined && <span className={styles.note}>{props.note}</span>}
        {props.aside !== undefined && <div className={styles.aside}>{props.aside}</div>}
      </header>
      <div className={props.flush ? styles.flush : styles.body}>{props.children}</div>
    </section>
  );
}
