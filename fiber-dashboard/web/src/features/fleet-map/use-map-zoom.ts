import { select } from "d3-selection";
import { type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from "d3-zoom";
import { type RefObject, useCallback, useEffect, useMemo, useState } from "react";

const LARGEST = 24;
/** Fitting stops here: the atlas is drawn for the whole world and gets coarse beyond. */
const LARGEST_FIT = 6;
const FIT_MARGIN_PX = 48;

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Zoom and pan of the map. One finger and the bare wheel belong to the page: the map takes two
 * fingers, dragging, or the wheel with Ctrl. Starts fitted to `points` (px of the unzoomed map).
 */
export function useMapZoom(
  svg: RefObject<SVGSVGElement | null>,
  size: { readonly width: number; readonly height: number },
  points: readonly Point[],
) {
  const [transform, setTransform] = useState<ZoomTransform>(zoomIdentity);
  const behavior = useMemo(() => createBehavior(setTransform), []);
  const { width, height } = size;
  useEffect(() => {
    const element = svg.current;
    if (element === null || width === 0) return;
    behavior.extent([
      [0, 0],
      [width, height],
    ]);
    behavior.translateExtent([
      [-width / 4, -height / 4],
      [width * 1.25, height * 1.25],
    ]);
    select(element).call(behavior);
  }, [svg, behavior, width, height]);

  const fitView = useCallback(() => {
    const element = svg.current;
    if (element === null || width === 0) return;
    select(element).call(behavior.transform, fittingTransform(points, width, height));
  }, [svg, behavior, points, width, height]);

  const zoomBy = useCallback(
    (factor: number, around?: Point) => {
      const element = svg.current;
      if (element === null) return;
      const center: [number, number] | undefined = around && [around.x, around.y];
      select(element).call(behavior.scaleBy, factor, center);
    },
    [svg, behavior],
  );
  return { transform, fitView, zoomBy };
}

function createBehavior(onZoom: (transform: ZoomTransform) => void) {
  const behavior: ZoomBehavior<SVGSVGElement, unknown> = zoom<SVGSVGElement, unknown>()
    .scaleExtent([1, LARGEST])
    .filter((event: Event) => {
      if (event instanceof WheelEvent) return event.ctrlKey || event.metaKey;
      if (event.type.startsWith("touch")) return (event as TouchEvent).touches.length >= 2;
      return !(event as MouseEvent).button;
    })
    .on("zoom", (event: { transform: ZoomTransform }) => onZoom(event.transform));
  return behavior;
}

/** The zoom that shows all points with a margin. */
export function fittingTransform(
  points: readonly Point[],
  width: number,
  height: number,
): ZoomTransform {
  if (points.length === 0) return zoomIdentity;
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.max(
    1,
    Math.min(
      LARGEST_FIT,
      (width - 2 * FIT_MARGIN_PX) / Math.max(1, right - left),
      (height - 2 * FIT_MARGIN_PX) / Math.max(1, bottom - top),
    ),
  );
  return zoomIdentity
    .translate(width / 2, height / 2)
    .scale(scale)
    .translate(-(left + right) / 2, -(top + bottom) / 2);
}
