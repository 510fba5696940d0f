import { NODE_STATES, type NodeView } from "#contracts";
import { StateMark } from "../../ui/state-mark.js";
import styles from "./fleet-map.module.css";

/** How many probes are in which state; states without a probe are left out. */
export function MapLegend({ nodes }: { nodes: readonly NodeView[] }) {
  const counts = NODE_STATES.map(
    (state) => [state, nodes.filter((node) => node.state === state).length] as const,
  ).filter(([, count]) => count > 0);
  return (
    <ul className={styles.legend}>
      {counts.map(([state, count]) => (
        <li key={state}>
          <span className="number">{count}</span>
          <StateMark state={state} />
        </li>
      ))}
    </ul>
  );
}
