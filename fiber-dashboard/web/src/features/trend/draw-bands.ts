import type uPlot from "uplot";
import { lossStep } from "./loss-colors.js";
import type { PreparedPoints, Stretch } from "./prepare-points.js";

/** Resolves a colour token for the canvas. */
export type Tokens = (name: string) => string;

const HATCH_PX = 7;

/** Hatches what is unknown and shades where nothing came back, behind everything else. */
export function drawStretches(plot: uPlot, prepared: PreparedPoints, tokens: Tokens): void {
  for (const stretch of prepared.unknown) {
    clipped(plot, stretch, (box) => hatch(plot.ctx, box, tokens("--muted")));
  }
  for (const stretch of prepared.silent) {
    clipped(plot, stretch, ({ left, top, width, height }) => {
      plot.ctx.globalAlpha = 0.2;
      plot.ctx.fillStyle = tokens("--down");
      plot.ctx.fillRect(left, top, width, height);
    });
  }
}

/** The band from the smallest to the largest round trip, coloured by loss. */
export function drawRange(plot: uPlot, prepared: PreparedPoints, tokens: Tokens): void {
  const { points, xs, bucketS } = prepared;
  const at = (index: number) => {
    const point = points[index];
    const x = xs[index];
    if (!point || x === undefined) return null;
    const { latency_min_ms: low, latency_max_ms: high } = point;
    if (low === null || high === null) return null;
    return {
      x: plot.valToPos(x, "x", true),
      low: plot.valToPos(low, "y", true),
      high: plot.valToPos(high, "y", true),
      time: x,
      loss: point.loss_pct,
    };
  };
  insideBox(plot, () => {
    for (let index = 0; index < points.length; index++) {
      const here = at(index);
      if (here === null) continue;
      const next = at(index + 1);
      const step = lossStep(Math.max(here.loss ?? 0, next?.loss ?? 0));
      plot.ctx.fillStyle = tokens(step.token);
      plot.ctx.globalAlpha = step.alpha;
      if (next !== null && next.time - here.time <= bucketS * 1.5) {
        fillQuad(plot.ctx, here, next);
      } else if (at(index - 1) === null) {
        // Known alone between two gaps: a bar of its own.
        plot.ctx.fillRect(here.x - 1.5, here.high, 3, Math.max(1, here.low - here.high));
      }
    }
  });
}

/** Loss as bars from zero, each in the colour of its step. */
export function drawLossBars(plot: uPlot, prepared: PreparedPoints, tokens: Tokens): void {
  const { points, xs, bucketS, start } = prepared;
  const width = plot.valToPos(start + bucketS, "x", true) - plot.valToPos(start, "x", true);
  const base = plot.valToPos(0, "y", true);
  insideBox(plot, () => {
    for (const [index, point] of points.entries()) {
      const x = xs[index];
      if (x === undefined || point.loss_pct === null || point.loss_pct === 0) continue;
      const top = plot.valToPos(point.loss_pct, "y", true);
      plot.ctx.fillStyle = tokens(lossStep(point.loss_pct).token);
      plot.ctx.globalAlpha = 0.85;
      const middle = plot.valToPos(x, "x", true);
      plot.ctx.fillRect(middle - width * 0.4, top, Math.max(1, width * 0.8), base - top);
    }
  });
}

interface Edge {
  readonly x: number;
  readonly low: number;
  readonly high: number;
}

function fillQuad(ctx: CanvasRenderingContext2D, a: Edge, b: Edge): void {
  ctx.beginPath();
  ctx.moveTo(a.x, a.high);
  ctx.lineTo(b.x, b.high);
  ctx.lineTo(b.x, b.low);
  ctx.lineTo(a.x, a.low);
  ctx.closePath();
  ctx.fill();
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function insideBox(plot: uPlot, draw: () => void): void {
  const { left, top, width, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.beginPath();
  plot.ctx.rect(left, top, width, height);
  plot.ctx.clip();
  draw();
  plot.ctx.restore();
}

function clipped(plot: uPlot, stretch: Stretch, draw: (box: Box) => void): void {
  const from = Math.max(plot.valToPos(stretch.from, "x", true), plot.bbox.left);
  const to = Math.min(plot.valToPos(stretch.to, "x", true), plot.bbox.left + plot.bbox.width);
  if (to <= from) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, bbox.top, to - from, bbox.height);
  ctx.clip();
  draw({ left: from, top: bbox.top, width: to - from, height: bbox.height });
  ctx.restore();
}

function hatch(ctx: CanvasRenderingContext2D, box: Box, color: string): void {
  const step = HATCH_PX * devicePixelRatio;
  ctx.strokeStyle = color;
  ctx.globalAlpha = 0.32;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  // Anchored to the canvas, not to the stretch: neighbouring stretches share one pattern.
  const first = Math.floor((box.left - box.height) / step) * step;
  for (let x = first; x < box.left + box.width; x += step) {
    ctx.moveTo(x, box.top + box.height);
    ctx.lineTo(x + box.height, box.top);
  }
  ctx.stroke();
}
