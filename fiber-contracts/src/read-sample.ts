import { CHECK_TYPES, type CheckType } from "./check-types.js";
import { findMetadataProblem, isRecord } from "./read-json.js";
import { readTimestamp } from "./read-timestamp.js";
import { PUSH_LIMITS, type Sample } from "./sample.js";
import type { SampleRefusal } from "./sample-refusal.js";

/** What a sample is held against besides its schema. */
export interface SampleLimits {
  /** The server's time, epoch ms. */
  readonly nowMs: number;
  /** Samples older than this are refused, ms. */
  readonly rawRetentionMs: number;
  /** Taken where the sample names no node (the envelope's `node_id`). */
  readonly nodeId?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads one sample of a push: `wireSampleSchema` by hand (a property test holds the two equal),
 * then the limits of time and metadata. About a million samples a second; nothing is thrown.
 */
export function readSample(value: unknown, limits: SampleLimits): Sample | SampleRefusal {
  if (!isRecord(value)) return invalid("a sample must be a JSON object");
  const nodeId = value.node_id === undefined ? limits.nodeId : value.node_id;
  const problem = findIdentityProblem(nodeId, value) ?? findFigureProblem(value);
  if (problem !== null) return invalid(problem);
  const timeMs = readTimestamp(value.timestamp);
  if (timeMs === null) {
    return invalid("timestamp must be ISO 8601 with a zone, or epoch milliseconds");
  }
  const misplaced = findTimeProblem(timeMs, limits);
  if (misplaced !== null) return misplaced;
  let metadata: string | null = null;
  if (value.metadata !== undefined) {
    const refusal = findMetadataProblem(value.metadata);
    if (refusal !== null) return refusal;
    metadata = JSON.stringify(value.metadata);
    if (
      metadata.length > PUSH_LIMITS.metadataBytes ||
      utf8Length(metadata) > PUSH_LIMITS.metadataBytes
    ) {
      return {
        code: "METADATA_TOO_LARGE",
        message: `metadata must be at most ${PUSH_LIMITS.metadataBytes} bytes of JSON`,
      };
    }
  }
  return toSample(nodeId as string, value, timeMs, metadata);
}

function toSample(nodeId: string, value: Fields, timeMs: number, metadata: string | null): Sample {
  return {
    nodeId,
    country: value.country as string,
    region: value.region as string,
    target: (value.target ?? "") as string,
    check: (value.check ?? "") as CheckType | "",
    timeMs,
    latencyMs: value.latency_ms as number | null,
    latencyMinMs: (value.latency_min_ms ?? null) as number | null,
    latencyMaxMs: (value.latency_max_ms ?? null) as number | null,
    jitterMs: (value.jitter_ms ?? null) as number | null,
    sent: (value.sent ?? null) as number | null,
    received: (value.received ?? null) as number | null,
    uptimePct: value.uptime_pct as number,
    packetLoss: value.packet_loss as number,
    metadata,
  };
}

function invalid(message: string): SampleRefusal {
  return { code: "INVALID_SAMPLE", message };
}

function findIdentityProblem(nodeId: unknown, value: Fields): string | null {
  if (!isNodeId(nodeId)) {
    return "node_id must be 1 to 64 of A-Z a-z 0-9 . _ - and not . or ..";
  }
  if (!isCountry(value.country)) return "country must be two capital letters (ISO 3166-1 alpha-2)";
  if (!isPrintable(value.region, 64)) return "region must be 1 to 64 printable characters";
  if (value.target === undefined && value.check === undefined) return null;
  if (value.target === undefined || value.check === undefined) {
    return "target and check come together or not at all";
  }
  if (!isPrintable(value.target, 253)) return "target must be 1 to 253 printable characters";
  if (!CHECK_TYPES.includes(value.check as CheckType)) {
    return `check must be one of ${CHECK_TYPES.join(", ")}`;
  }
  return null;
}

function findFigureProblem(value: Fields): string | null {
  if (value.latency_ms !== null && !isBetween(value.latency_ms, 60_000)) {
    return "latency_ms must be a number from 0 to 60000, or null when nothing came back";
  }
  if (!isBetween(value.uptime_pct, 100)) return "uptime_pct must be a number from 0 to 100";
  if (!isBetween(value.packet_loss, 100)) return "packet_loss must be a number from 0 to 100";
  if (!isOptionalLatency(value.latency_min_ms)) return optionalLatency("latency_min_ms");
  if (!isOptionalLatency(value.latency_max_ms)) return optionalLatency("latency_max_ms");
  if (!isOptionalLatency(value.jitter_ms)) return optionalLatency("jitter_ms");
  if (!isOptionalCount(value.sent)) return "sent must be a whole number from 0 to 10000";
  if (!isOptionalCount(value.received)) return "received must be a whole number from 0 to 10000";
  return null;
}

function findTimeProblem(timeMs: number, limits: SampleLimits): SampleRefusal | null {
  if (timeMs > limits.nowMs + PUSH_LIMITS.futureMs) {
    return {
      code: "TIMESTAMP_TOO_NEW",
      message: `timestamp is more than ${PUSH_LIMITS.futureMs / 60_000} min ahead of the server: check the probe's clock`,
    };
  }
  if (timeMs < limits.nowMs - limits.rawRetentionMs) {
    return {
      code: "TIMESTAMP_TOO_OLD",
      message: `timestamp is older than the ${Math.round(limits.rawRetentionMs / 86_400_000)} days that samples are kept`,
    };
  }
  return null;
}

function optionalLatency(field: string): string {
  return `${field} must be a number from 0 to 60000, or null`;
}

function isBetween(value: unknown, max: number): boolean {
  return typeof value === "number" && value >= 0 && value <= max;
}

function isOptionalLatency(value: unknown): boolean {
  return value === undefined || value === null || isBetween(value, 60_000);
}

function isOptionalCount(value: unknown): boolean {
  return value === undefined || (isBetween(value, 10_000) && Number.isInteger(value));
}

function isNodeId(value: unknown): value is string {
  if (typeof value !== "string" || value.length === 0 || value.length > 64) return false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    const plain =
      (c >= 97 && c <= 122) ||
      (c >= 48 && c <= 57) ||
      (c >= 65 && c <= 90) ||
      c === 45 ||
      c === 46 ||
      c === 95;
    if (!plain) return false;
  }
  return value !== "." && value !== "..";
}

function isCountry(value: unknown): boolean {
  if (typeof value !== "string" || value.length !== 2) return false;
  const [a, b] = [value.charCodeAt(0), value.charCodeAt(1)];
  return a >= 65 && a <= 90 && b >= 65 && b <= 90;
}

/** At most `max` code points, none a control character or a lone surrogate. */
function isPrintable(value: unknown, max: number): boolean {
  if (typeof value !== "string" || value.length === 0 || value.length > 2 * max) return false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 32 || c > 126) return isPrintableUnicode(value, max);
  }
  return value.length <= max;
}

function isPrintableUnicode(value: string, max: number): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(value) && [...value].length <= max;
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) continue;
    // Each half of a surrogate pair counts two of the pair's four bytes.
    bytes += c < 0x800 || (c >= 0xd800 && c <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
