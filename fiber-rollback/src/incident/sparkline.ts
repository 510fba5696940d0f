const BARS = "▁▂▃▄▅▆▇█";

/** Values as a line of bars, at most `width` characters; unknown is a middle dot, never a bar. */
export function sparkline(values: readonly (number | null)[], width = 60): string {
  const cells = squeeze(values, width);
  const known = cells.filter((value) => value !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return cells
    .map((value) => {
      if (value === null) return "·";
      const height = span === 0 ? 0 : (value - low) / span;
      return BARS[Math.min(BARS.length - 1, Math.floor(height * BARS.length))] ?? "·";
    })
    .join("");
}

/** Neighbours share a cell: the highest of those known, so that no peak is lost. */
function squeeze(values: readonly (number | null)[], width: number): readonly (number | null)[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, cell) => {
    const part = values
      .slice(
        Math.floor((cell * values.length) / width),
        Math.floor(((cell + 1) * values.length) / width),
      )
      .filter((value) => value !== null);
    return part.length === 0 ? null : Math.max(...part);
  });
}
