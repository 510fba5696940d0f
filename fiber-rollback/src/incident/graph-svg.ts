import type { Incident } from "./incident-file.js";

type Probes = NonNullable<Incident["probes"]>;
type Node = Probes["nodes"][number];

const WIDTH = 720;
const HEIGHT = 150;
const TOP = 26;
const BOTTOM = 22;
const LEFT = 46;
const RIGHT = 12;

/**
 * One probe's RTT and loss over the time of a run, as an SVG that needs nothing else: the line is
 * the median RTT, orange bars are loss, hatched is unknown, the grey band is the run.
 */
export function probeGraph(node: Node, probes: Probes): string {
  const slices = node.rttMs.length;
  const top = niceTop(Math.max(1, ...node.rttMs.map((rtt) => rtt ?? 0)));
  const x = (slice: number) => LEFT + ((WIDTH - LEFT - RIGHT) * slice) / slices;
  const y = (rtt: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - rtt / top);
  const start = Date.parse(probes.start);
  const at = (iso: string) =>
    x((slices * (Date.parse(iso) - start)) / (Date.parse(probes.end) - start));
  const band = `<rect x="${n(at(probes.runStart))}" y="${TOP}" width="${n(
    Math.max(2, at(probes.runEnd) - at(probes.runStart)),
  )}" height="${HEIGHT - TOP - BOTTOM}" fill="#8b98a5" opacity="0.18"/>`;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" role="img">`,
    `<title>${escapeXml(node.nodeId)}: RTT and loss from ${probes.start} to ${probes.end}</title>`,
    '<defs><pattern id="u" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" stroke="#93a1b0" stroke-width="1.5"/></pattern></defs>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="16" fill="#1b222a" font-weight="bold">${escapeXml(node.nodeId)}</text>`,
    `<text x="${WIDTH - RIGHT}" y="16" fill="#57636f" text-anchor="end">median RTT, loss; grey: the run; hatched: unknown</text>`,
    band,
    ...gaps(node).map(
      ([from, to]) =>
        `<rect x="${n(x(from))}" y="${TOP}" width="${n(x(to) - x(from))}" height="${HEIGHT - TOP - BOTTOM}" fill="url(#u)" opacity="0.7"/>`,
    ),
    ...node.lossPct.flatMap((loss, slice) =>
      loss === null || loss === 0
        ? []
        : [
            `<rect x="${n(x(slice))}" y="${n(y((top * Math.min(loss, 100)) / 100))}" width="${n(x(1) - x(0))}" height="${n(HEIGHT - BOTTOM - y((top * Math.min(loss, 100)) / 100))}" fill="#f0883e" opacity="0.55"/>`,
          ],
    ),
    ...lines(node).map(
      (points) =>
        `<polyline fill="none" stroke="#0b62c4" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" points="${points
          .map(([slice, rtt]) => `${n(x(slice + 0.5))},${n(y(rtt))}`)
          .join(" ")}"/>`,
    ),
    `<line x1="${LEFT}" y1="${HEIGHT - BOTTOM}" x2="${WIDTH - RIGHT}" y2="${HEIGHT - BOTTOM}" stroke="#d8dee4"/>`,
    `<text x="${LEFT - 6}" y="${TOP + 8}" fill="#57636f" text-anchor="end">${top} ms</text>`,
    `<text x="${LEFT - 6}" y="${HEIGHT - BOTTOM}" fill="#57636f" text-anchor="end">0</text>`,
    `<text x="${LEFT}" y="${HEIGHT - 6}" fill="#57636f">${clock(probes.start)}</text>`,
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" fill="#57636f" text-anchor="end">${clock(probes.end)} UTC</text>`,
    "</svg>",
  ].join("\n")}\n`;
}

/** Runs of slices without a sample, as [from, to). */
function gaps(node: Node): (readonly [number, number])[] {
  return runs(node.lossPct, (loss) => loss === null).map(({ from, to }) => [from, to] as const);
}

/** The RTT line's unbroken parts; a single point is drawn as a short stroke. */
function lines(node: Node): (readonly [number, number])[][] {
  return runs(node.rttMs, (rtt) => rtt !== null).map(({ from, to }) => {
    const points = node.rttMs
      .slice(from, to)
      .map((rtt, index) => [from + index, rtt ?? 0] as const);
    const [only] = points;
    return points.length === 1 && only !== undefined ? [only, [only[0] + 0.3, only[1]]] : points;
  });
}

function runs<T>(values: readonly T[], holds: (value: T) => boolean) {
  const found: { from: number; to: number }[] = [];
  for (const [index, value] of values.entries()) {
    if (!holds(value)) continue;
    const last = found.at(-1);
    if (last?.to === index) last.to++;
    else found.push({ from: index, to: index + 1 });
  }
  return found;
}

/** The next of 1, 2, 5 × 10ⁿ. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

const n = (value: number) => String(Math.round(value * 10) / 10);
const clock = (iso: string) => iso.slice(11, 19);

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
