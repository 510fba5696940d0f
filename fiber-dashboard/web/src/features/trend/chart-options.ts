import type uPlot from "uplot";
import type { Tab } from "../../data/view.js";
import { drawLossBars, drawRange, drawStretches, type Tokens } from "./draw-bands.js";
import { latencyTop } from "./latency-scale.js";
import type { PreparedPoints } from "./prepare-points.js";

const AXIS_FONT = '12px "JetBrains Mono Variable", monospace';
const DAY_S = 86_400;

/** What a chart is made from; `prepared` is asked for at each drawing. */
export interface ChartPlan {
  readonly tab: Tab;
  readonly language: string;
  readonly tokens: Tokens;
  readonly prepared: () => PreparedPoints;
  readonly onCursor: (index: number | null) => void;
}

/** The columns uPlot draws itself: the line of the tab. */
export function chartData(prepared: PreparedPoints, tab: Tab): uPlot.AlignedData {
  const line = prepared.points.map((point) => {
    if (tab === "latency") return point.latency_median_ms;
    return tab === "availability" ? point.availability_pct : point.loss_pct;
  });
  return [[...prepared.xs], line];
}

/**
 * The upper and lower end of the value axis. One slow answer must not press an hour of medians
 * flat: the latency band is cut at a few times what the medians and 95th percentiles need.
 */
function valueRange(prepared: PreparedPoints, tab: Tab): [number, number] {
  const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
  if (tab === "latency") {
    return [0, latencyTop(prepared)];
  }
  if (tab === "availability") {
    const lowest = Math.min(100, ...known(prepared.points.map((point) => point.availability_pct)));
    return [Math.max(0, Math.floor((lowest - (100 - lowest) * 0.2) / 5) * 5 - 5), 101];
  }
  const highest = Math.max(0, ...known(prepared.points.map((point) => point.loss_pct)));
  return [0, Math.min(102, Math.max(2, highest * 1.15))];
}

/** uPlot's options for one tab, in the colours of the theme. */
export function chartOptions(plan: ChartPlan, size: uPlot.Options): uPlot.Options {
  const { tab, tokens, prepared } = plan;
  return {
    ...size,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: tab !== "loss", size: 7 } },
    scales: {
      x: { time: true, range: () => [prepared().start, prepared().end] },
      y: { range: () => valueRange(prepared(), tab) },
    },
    axes: [timeAxis(plan), valueAxis(plan)],
    series: [{}, lineOf(plan)],
    hooks: {
      drawClear: [(plot) => drawStretches(plot, prepared(), tokens)],
      drawAxes: [
        (plot) => {
          if (tab === "latency") drawRange(plot, prepared(), tokens);
          if (tab === "loss") drawLossBars(plot, prepared(), tokens);
        },
      ],
      setCursor: [(plot) => plan.onCursor(plot.cursor.idx ?? null)],
    },
  };
}

function lineOf({ tab, tokens }: ChartPlan): uPlot.Series {
  // Loss is drawn as bars; its line stays for the cursor only.
  if (tab === "loss") return { width: 0, points: { show: false } };
  const stroke = tokens(tab === "latency" ? "--accent" : "--healthy");
  return { stroke, width: 2, spanGaps: false, points: { size: 4, fill: stroke } };
}

function timeAxis({ language, tokens, prepared }: ChartPlan): uPlot.Axis {
  return {
    ...axisLooks(tokens),
    size: 30,
    space: 72,
    values: (_plot, splits) => {
      const { start, end } = prepared();
      const format = new Intl.DateTimeFormat(
        language,
        end - start > 2 * DAY_S
          ? { weekday: "short", day: "numeric", hour: "2-digit", hourCycle: "h23" }
          : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
      );
      return splits.map((split) => format.format(new Date(split * 1_000)));
    },
  };
}

function valueAxis({ tab, language, tokens }: ChartPlan): uPlot.Axis {
  const format = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const unit = tab === "latency" ? "ms" : "%";
  return {
    ...axisLooks(tokens),
    size: 64,
    space: 40,
    values: (_plot, splits) =>
      splits.map((split) =>
        tab !== "latency" && split > 100 ? "" : `${format.format(split)}\u202f${unit}`,
      ),
  };
}

function axisLooks(tokens: Tokens): uPlot.Axis {
  return {
    stroke: tokens("--muted"),
    font: AXIS_FONT,
    grid: { stroke: tokens("--line"), width: 1 },
    ticks: { show: false },
    gap: 8,
  };
}
