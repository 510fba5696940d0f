import styles from "./bone.module.css";

/** The space of something that is still loading; `height` and `width` are CSS lengths. */
export function Bone({ height, width = "100%" }: { height: string; width?: string }) {
  return <span className={styles.bone} style={{ height, width }} aria-hidden="true" />;
}
