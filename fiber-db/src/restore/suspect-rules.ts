/**
 * The contract's ranges of a sample as SQL, one condition a column that must hold. Rows that break
 * one were not accepted by an API that keeps the contract: something else wrote them. NaN and the
 * infinities fall outside every range.
 */
const SAMPLE_RANGES: Readonly<Record<string, string>> = {
  latency_ms: "latency_ms IS NULL OR latency_ms BETWEEN 0 AND 60000",
  latency_min_ms: "latency_min_ms IS NULL OR latency_min_ms BETWEEN 0 AND 60000",
  latency_max_ms: "latency_max_ms IS NULL OR latency_max_ms BETWEEN 0 AND 60000",
  jitter_ms: "jitter_ms IS NULL OR jitter_ms BETWEEN 0 AND 60000",
  uptime_pct: "uptime_pct BETWEEN 0 AND 100",
  packet_loss: "packet_loss BETWEEN 0 AND 100",
  sent: "sent IS NULL OR sent BETWEEN 0 AND 10000",
  received: "received IS NULL OR received BETWEEN 0 AND 10000",
  metadata: "metadata IS NULL OR octet_length(metadata::text) <= 8192",
  time: "time <= now() + interval '5 minutes'",
};

const RANGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  samples: SAMPLE_RANGES,
};

/**
 * SQL that is true for a row outside the contract's ranges, for a table with these columns;
 * "false" for tables that the contract says nothing of.
 */
export function suspectCondition(table: string, columns: readonly string[]): string {
  const rules = RANGES[table];
  if (rules === undefined) return "false";
  const held = columns.flatMap((column) => rules[column] ?? []);
  return held.length === 0
    ? "false"
    : `(${held.map((rule) => `(${rule})`).join(" AND ")}) IS NOT TRUE`;
}
