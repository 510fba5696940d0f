import type { Measure } from "./format.js";

/** A number with its unit set quieter; tabular figures. */
export function Value({ measure }: { measure: Measure }) {
  return (
    <span className="number">
      {measure.value}
      {measure.unit !== "" && <span className="unit">{`\u202f${measure.unit}`}</span>}
    </span>
  );
}
