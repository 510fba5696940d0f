import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { NodeView } from "#contracts";
import { nodesQuery } from "../../data/queries.js";
import { useView } from "../../data/view.js";
import { Failure } from "../../ui/failure.js";
import { Panel } from "../../ui/panel.js";
import styles from "./fleet-map.module.css";
import { MapLegend } from "./map-legend.js";

const MapCanvas = lazy(() => import("./map-canvas.js"));

/** Where it is not all right: every probe on the map, its state as colour and shape. */
export function FleetMap({ className }: { className?: string | undefined }) {
  const { t } = useTranslation();
  const { view } = useView();
  const { data: nodes, error, refetch } = useQuery(nodesQuery);
  const shown = nodes?.filter((node) => view.region === null || node.region === view.region);
  return (
    <Panel
      id="map"
      title={t("map.title")}
      note={shown !== undefined && t("map.count", { count: shown.length })}
      aside={shown !== undefined && <MapLegend nodes={shown} />}
      className={className}
      flush
    >
      {shown !== undefined ? (
        <Suspense fallback={<div className={styles.canvas} />}>
          <MapCanvas nodes={shown} />
          <Unplaced nodes={shown} />
        </Suspense>
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <div className={styles.canvas} />
      )}
    </Panel>
  );
}

function Unplaced({ nodes }: { nodes: readonly NodeView[] }) {
  const { t } = useTranslation();
  const count = nodes.filter((node) => node.coordinates === null).length;
  if (count === 0) return null;
  return <p className={styles.unplaced}>{t("map.unplaced", { count })}</p>;
}
