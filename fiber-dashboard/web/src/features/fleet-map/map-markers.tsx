import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useView } from "../../data/view.js";
import { StateShape } from "../../ui/state-mark.js";
import { STATE_LOOKS } from "../../ui/states.js";
import styles from "./fleet-map.module.css";
import {
  groupMarkers,
  type LabelSide,
  type MapMarker,
  type PlacedProbe,
  placeLabels,
} from "./group-markers.js";

const GROUP_RADIUS_PX = 16;

/** The probes on the map. One tab stop; the arrow keys walk from mark to mark. */
export function MapMarkers(props: {
  readonly probes: readonly PlacedProbe[];
  readonly size: { readonly width: number; readonly height: number };
  readonly zoomTo: (point: { x: number; y: number }) => void;
}) {
  const { t } = useTranslation();
  const { view, change } = useView();
  const [active, setActive] = useState(0);
  const visible = props.probes.filter(
    ({ x, y }) => x > -20 && y > -20 && x < props.size.width + 20 && y < props.size.height + 20,
  );
  const markers = groupMarkers(visible, GROUP_RADIUS_PX);
  const texts = markers.map((marker) => labelText(marker, t("app.demo")));
  const sides = placeLabels(
    markers.map(({ x, y }, index) => ({ x, y, text: texts[index] ?? "" })),
    props.size.width,
  );
  const current = Math.min(active, markers.length - 1);
  const walk = (event: KeyboardEvent<SVGGElement>) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined || markers.length === 0) return;
    event.preventDefault();
    const next = (current + step + markers.length) % markers.length;
    setActive(next);
    const all = event.currentTarget.querySelectorAll<SVGGElement>("[data-marker]");
    all[next]?.focus();
  };
  const open = (marker: MapMarker) => {
    const [only, ...others] = marker.probes;
    if (only === undefined) return;
    if (others.length > 0) props.zoomTo(marker);
    else change({ node: only.id, chart: only.id, target: null });
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only moves the focus of the marks
    <g onKeyDown={walk}>
      {markers.map((marker, index) => (
        <Marker
          key={marker.probes[0]?.id}
          marker={marker}
          side={sides[index] ?? null}
          chosen={marker.probes.some((probe) => probe.id === view.node)}
          tabIndex={index === current ? 0 : -1}
          open={() => {
            setActive(index);
            open(marker);
          }}
        />
      ))}
    </g>
  );
}

function labelText(marker: MapMarker, demo: string): string {
  const [only, ...others] = marker.probes;
  if (only === undefined || others.length > 0) return String(marker.probes.length);
  return only.demo ? `${only.label} ${demo}` : only.label;
}

function Marker(props: {
  readonly marker: MapMarker;
  readonly side: LabelSide;
  readonly chosen: boolean;
  readonly tabIndex: number;
  readonly open: () => void;
}) {
  const { marker, side, chosen, open } = props;
  const { t } = useTranslation();
  const count = marker.probes.length;
  const [only] = marker.probes;
  if (only === undefined) return null;
  const state = t(`state.${marker.state}`);
  const name = [only.id, only.label === only.id ? null : only.label, state];
  const demo = only.demo ? t("app.demo") : null;
  const label =
    count > 1
      ? t("map.group", { count, state })
      : [...name, demo].filter((part) => part !== null).join(", ");
  return (
    // biome-ignore lint/a11y/useSemanticElements: an SVG has no button
    <g
      role="button"
      tabIndex={props.tabIndex}
      aria-label={label}
      aria-pressed={chosen}
      data-marker={only.id}
      className={styles.marker}
      transform={`translate(${marker.x} ${marker.y})`}
      style={{ color: STATE_LOOKS[marker.state].color }}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        open();
      }}
    >
      <title>{label}</title>
      <circle className={styles.hit} r={18} />
      <circle className={styles.halo} r={count > 1 ? 14 : 11} />
      <g transform={count > 1 ? "translate(0 -5) scale(0.7)" : "scale(1.1)"}>
        <StateShape state={marker.state} />
      </g>
      {count > 1 && (
        <text className={styles.count} y={9} textAnchor="middle">
          {count}
        </text>
      )}
      {count === 1 && side !== null && <Label probe={only} side={side} />}
    </g>
  );
}

function Label({ probe, side }: { probe: PlacedProbe; side: "right" | "left" }) {
  const { t } = useTranslation();
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a text takes no focus; its marker is named
    <text
      className={styles.label}
      x={side === "right" ? 15 : -15}
      y={4.5}
      textAnchor={side === "right" ? "start" : "end"}
      aria-hidden="true"
    >
      {probe.label}
      {probe.demo && <tspan className={styles.demo}>{` ${t("app.demo")}`}</tspan>}
    </text>
  );
}
