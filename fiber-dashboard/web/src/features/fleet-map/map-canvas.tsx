import { ActionIcon } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Minus, Plus, Scan } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { NodeView } from "#contracts";
import { Failure } from "../../ui/failure.js";
import styles from "./fleet-map.module.css";
import type { PlacedProbe } from "./group-markers.js";
import { type DrawnWorld, drawWorld, loadAtlas } from "./land.js";
import { MapMarkers } from "./map-markers.js";
import { useMapZoom } from "./use-map-zoom.js";

/** The map itself; fills its parent. */
export default function MapCanvas({ nodes }: { nodes: readonly NodeView[] }) {
  const { ref, width, height } = useElementSize();
  const atlas = useQuery({ queryKey: ["atlas"], queryFn: loadAtlas, staleTime: Infinity });
  const world = useMemo(
    () =>
      atlas.data === undefined || width === 0 || height === 0
        ? null
        : drawWorld(atlas.data, width, height),
    [atlas.data, width, height],
  );
  return (
    <div ref={ref} className={styles.canvas}>
      {world !== null && <World world={world} size={{ width, height }} nodes={nodes} />}
      {atlas.error && <Failure error={atlas.error} retry={() => void atlas.refetch()} />}
    </div>
  );
}

function World(props: {
  readonly world: DrawnWorld;
  readonly size: { readonly width: number; readonly height: number };
  readonly nodes: readonly NodeView[];
}) {
  const { world, size, nodes } = props;
  const { t } = useTranslation();
  const svg = useRef<SVGSVGElement>(null);
  const placed = useMemo(() => placeProbes(nodes, world), [nodes, world]);
  const { transform, fitView, zoomBy } = useMapZoom(svg, size, placed);

  // Fits once for a size and a set of probes; new states must not move the reader's view.
  const places = placed.map((probe) => `${probe.id}@${probe.x},${probe.y}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `fitView` changes with every state
  useEffect(() => fitView(), [places, size.width, size.height]);

  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: an SVG has no fieldset */}
      <svg
        ref={svg}
        role="group"
        aria-label={t("map.label")}
        aria-description={t("map.hint")}
        className={styles.world}
        width={size.width}
        height={size.height}
      >
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus */}
        <g transform={transform.toString()} aria-hidden="true">
          <path className={styles.graticule} d={world.graticule} />
          <path className={styles.land} d={world.land} />
          <path className={styles.borders} d={world.borders} />
        </g>
        <MapMarkers
          probes={placed.map((probe) => ({
            ...probe,
            x: transform.applyX(probe.x),
            y: transform.applyY(probe.y),
          }))}
          size={size}
          zoomTo={(point) => zoomBy(3, point)}
        />
      </svg>
      <ZoomButtons fitView={fitView} zoomBy={zoomBy} />
    </>
  );
}

function ZoomButtons({
  fitView,
  zoomBy,
}: {
  fitView: () => void;
  zoomBy: (factor: number) => void;
}) {
  const { t } = useTranslation();
  const buttons = [
    ["action.zoomIn", Plus, () => zoomBy(1.6)],
    ["action.zoomOut", Minus, () => zoomBy(1 / 1.6)],
    ["action.fit", Scan, fitView],
  ] as const;
  return (
    <div className={styles.zoom}>
      {buttons.map(([key, Icon, act]) => (
        <ActionIcon
          key={key}
          variant="default"
          size={30}
          aria-label={t(key)}
          title={t(key)}
          onClick={act}
        >
          <Icon size={16} aria-hidden="true" />
        </ActionIcon>
      ))}
    </div>
  );
}

function placeProbes(nodes: readonly NodeView[], world: DrawnWorld): readonly PlacedProbe[] {
  const perRegion = new Map<string, number>();
  for (const { region } of nodes) perRegion.set(region, (perRegion.get(region) ?? 0) + 1);
  return nodes.flatMap((node) => {
    if (node.coordinates === null) return [];
    const [latitude, longitude] = node.coordinates;
    const point = world.project([longitude, latitude]);
    if (point === null) return [];
    const alone = perRegion.get(node.region) === 1;
    const { node_id: id, state, demo } = node;
    return [{ id, state, demo, label: alone ? node.region : id, x: point[0], y: point[1] }];
  });
}
