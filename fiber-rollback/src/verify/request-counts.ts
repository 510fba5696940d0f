/** Answers that an API has counted since it started. */
export interface RequestCounts {
  readonly total: number;
  /** Answers with a 5xx status. */
  readonly failed: number;
  /** Seconds since 1970, as the process tells it: another value means that counting began anew. */
  readonly processStart: string;
  /** Reads (GET) by how long they took: answers up to each bound in seconds, the last being all. */
  readonly readBuckets: readonly { readonly upToS: number; readonly count: number }[];
}

const NAME = "fiber_http_request_duration_seconds";

/** Reads an API's counters from its Prometheus text; null when it holds none. */
export function readRequestCounts(text: string): RequestCounts | null {
  let total = 0;
  let failed = 0;
  let processStart: string | null = null;
  let known = false;
  const buckets = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (line.startsWith("process_start_time_seconds ")) processStart = line.split(" ")[1] ?? null;
    if (line.startsWith(`# TYPE ${NAME} `)) known = true;
    if (!line.startsWith(`${NAME}_`)) continue;
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (line.startsWith(`${NAME}_count{`)) {
      total += value;
      if (labelOf(line, "status")?.startsWith("5")) failed += value;
    }
    if (line.startsWith(`${NAME}_bucket{`) && isRead(line)) {
      const upToS = Number(labelOf(line, "le")?.replace("+Inf", "Infinity"));
      buckets.set(upToS, (buckets.get(upToS) ?? 0) + value);
    }
  }
  if (!known || processStart === null) return null;
  const readBuckets = [...buckets]
    .map(([upToS, count]) => ({ upToS, count }))
    .sort((a, b) => a.upToS - b.upToS);
  return { total, failed, processStart, readBuckets };
}

/**
 * The bound in ms below which `share` of the reads stayed; null when there were none, or when it
 * lies beyond the last bound.
 */
export function readQuantileMs(
  buckets: RequestCounts["readBuckets"],
  share: number,
): number | null {
  const all = buckets.at(-1)?.count ?? 0;
  if (all === 0) return null;
  const bound = buckets.find((bucket) => bucket.count >= all * share)?.upToS ?? Infinity;
  return Number.isFinite(bound) ? bound * 1_000 : null;
}

/** Event streams last for as long as someone looks, so they are no measure of speed. */
function isRead(line: string): boolean {
  const route = labelOf(line, "route") ?? "";
  return labelOf(line, "method") === "GET" && route.startsWith("/api/") && !route.includes("live");
}

function labelOf(line: string, name: string): string | undefined {
  return new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1];
}
