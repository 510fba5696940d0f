import { ReadinessPanel } from "../features/recovery/readiness-panel.js";
import { RunsPanel } from "../features/recovery/runs-panel.js";
import styles from "./recovery-page.module.css";

/** Can it be rolled back, and how deploys and rollbacks go, step by step. */
export function RecoveryPage() {
  return (
    <div className={styles.grid}>
      <RunsPanel className={styles.runs} />
      <ReadinessPanel className={styles.ready} />
    </div>
  );
}
