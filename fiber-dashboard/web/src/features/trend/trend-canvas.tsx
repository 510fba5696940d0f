import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type KeyboardEvent, useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Tab } from "../../data/view.js";
import { chartData, chartOptions } from "./chart-options.js";
import type { PreparedPoints } from "./prepare-points.js";
import styles from "./trend-panel.module.css";

/** The drawn chart. Fills its parent; the arrow keys move the cursor from point to point. */
export default function TrendCanvas(props: {
  readonly prepared: PreparedPoints;
  readonly tab: Tab;
  readonly language: string;
  readonly label: string;
  readonly cursor: number | null;
  readonly onCursor: (index: number | null) => void;
}) {
  const { prepared, tab, language, label, cursor, onCursor } = props;
  const { ref, width, height } = useElementSize();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(prepared);
  latest.current = prepared;
  const scheme = useComputedColorScheme("dark");
  const hasSize = width > 0 && height > 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new size or new points do not need a new plot; the colours of `scheme` do
  useEffect(() => {
    if (holder.current === null || !hasSize) return;
    const computed = getComputedStyle(document.documentElement);
    const made = new uPlot(
      chartOptions(
        {
          tab,
          language,
          tokens: (name) => computed.getPropertyValue(name).trim(),
          prepared: () => latest.current,
          onCursor,
        },
        { width, height, series: [] },
      ),
      chartData(latest.current, tab),
      holder.current,
    );
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [tab, language, scheme, hasSize, onCursor]);

  useEffect(() => plot.current?.setData(chartData(prepared, tab)), [prepared, tab]);
  useEffect(() => {
    if (width > 0 && height > 0) plot.current?.setSize({ width, height });
  }, [width, height]);

  const walk = (event: KeyboardEvent) => {
    const last = prepared.xs.length - 1;
    const from = cursor ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    const x = prepared.xs[Math.max(0, Math.min(last, to ?? -1))];
    if (to === undefined || x === undefined || plot.current === null) return;
    event.preventDefault();
    plot.current.setCursor({ left: plot.current.valToPos(x, "x"), top: 10 });
  };

  return (
    <div ref={ref} className={styles.sized}>
      {/* biome-ignore lint/a11y/useSemanticElements: a chart is no fieldset */}
      <div
        ref={holder}
        className={styles.plot}
        role="group"
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys read its points
        tabIndex={0}
        onKeyDown={walk}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
      />
    </div>
  );
}
