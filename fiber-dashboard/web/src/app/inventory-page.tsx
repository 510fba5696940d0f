import { Inventory } from "../features/inventory/inventory.js";
import styles from "./inventory-page.module.css";

/** The inventory alone, as high as the window. */
export function InventoryPage() {
  return <Inventory className={styles.page} fill />;
}
