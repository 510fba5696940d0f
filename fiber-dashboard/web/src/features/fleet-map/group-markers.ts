import type { NodeState } from "#contracts";
import { worstState } from "../../ui/states.js";

/** A probe at its place on the screen, in px. */
export interface PlacedProbe {
  readonly id: string;
  readonly label: string;
  readonly state: NodeState;
  readonly demo: boolean;
  readonly x: number;
  readonly y: number;
}

/** One mark on the map: a probe, or several that would cover each other. */
export interface MapMarker {
  readonly probes: readonly PlacedProbe[];
  readonly state: NodeState;
  readonly x: number;
  readonly y: number;
}

/** Joins probes closer than `radius` px to a mark that is there already; order decides. */
export function groupMarkers(probes: readonly PlacedProbe[], radius: number): readonly MapMarker[] {
  const groups: { x: number; y: number; probes: PlacedProbe[] }[] = [];
  for (const probe of probes) {
    const near = groups.find((group) => Math.hypot(group.x - probe.x, group.y - probe.y) < radius);
    if (near === undefined) groups.push({ x: probe.x, y: probe.y, probes: [probe] });
    else near.probes.push(probe);
  }
  return groups.map((group) => ({
    ...group,
    state: worstState(group.probes.map((probe) => probe.state)),
  }));
}

/** Which side of its mark a label stands on; null where it would cover something. */
export type LabelSide = "right" | "left" | null;

const LABEL = { height: 18, offset: 14, charWidth: 7.2 };

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Places labels one after the other, each where it covers neither a mark nor another label. */
export function placeLabels(
  markers: readonly { readonly x: number; readonly y: number; readonly text: string }[],
  width: number,
): readonly LabelSide[] {
  const taken: Box[] = markers.map(({ x, y }) => around(x - 9, x + 9, y, 18));
  return markers.map((marker) => {
    for (const side of ["right", "left"] as const) {
      const box = labelBox(marker, side);
      const inside = box.left >= 4 && box.right <= width - 4;
      if (!inside || taken.some((other) => overlaps(box, other))) continue;
      taken.push(box);
      return side;
    }
    return null;
  });
}

function labelBox(marker: { x: number; y: number; text: string }, side: "right" | "left"): Box {
  const length = marker.text.length * LABEL.charWidth;
  const start = side === "right" ? marker.x + LABEL.offset : marker.x - LABEL.offset - length;
  return around(start, start + length, marker.y, LABEL.height);
}

function around(left: number, right: number, y: number, height: number): Box {
  return { left, right, top: y - height / 2, bottom: y + height / 2 };
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
