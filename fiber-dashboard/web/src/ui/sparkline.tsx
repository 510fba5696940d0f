import styles from "./sparkline.module.css";
import { type SparklineScale, sparklinePaths } from "./sparkline-paths.js";

/**
 * A small line of values over equal steps; null is a gap and stays one. Decoration beside a
 * number that is written out, hence hidden from screen readers.
 */
export function Sparkline(props: {
  readonly values: readonly (number | null)[];
  readonly color?: string;
  readonly scale: SparklineScale;
}) {
  const paths = sparklinePaths(props.values, props.scale);
  return (
    <svg
      className={styles.line}
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      aria-hidden="true"
      style={{ color: props.color ?? "var(--accent)" }}
    >
      <path className={styles.area} d={paths.area} />
      <path className={styles.stroke} d={paths.line} />
    </svg>
  );
}
