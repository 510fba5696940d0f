/** Steps of the loss scale: from `fromPct` on, up to the next. Also the chart's legend. */
export const LOSS_STEPS = [
  { fromPct: 0, token: "--accent", label: "0 %", alpha: 0.22 },
  { fromPct: Number.MIN_VALUE, token: "--degraded", label: "> 0 %", alpha: 0.3 },
  { fromPct: 5, token: "--critical", label: "≥ 5 %", alpha: 0.42 },
  { fromPct: 20, token: "--down", label: "≥ 20 %", alpha: 0.55 },
] as const;

/** One of {@link LOSS_STEPS}. */
export type LossStep = (typeof LOSS_STEPS)[number];

/** The step of a loss in percent; unknown loss has none of its own and takes the first. */
export function lossStep(lossPct: number | null): LossStep {
  return LOSS_STEPS.findLast((step) => (lossPct ?? 0) >= step.fromPct) ?? LOSS_STEPS[0];
}
