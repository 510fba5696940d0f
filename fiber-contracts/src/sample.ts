import { z } from "zod";
import { CHECK_TYPES, type CheckType } from "./check-types.js";

/** What a node may be called: it becomes a path segment and a label, so it stays plain. */
export const NODE_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/;

/** Limits of one push; see "A sample" in docs/api.md. */
export const PUSH_LIMITS = {
  samples: 1_000,
  bodyBytes: 10 * 1024 * 1024,
  nesting: 16,
  metadataBytes: 4 * 1024,
  futureMs: 5 * 60_000,
} as const;

const milliseconds = z.number().min(0).max(60_000);
const percent = z.number().min(0).max(100);

/** A node's name. */
export const nodeIdSchema = z.string().regex(NODE_ID_PATTERN);

/** ISO 3166-1 alpha-2, upper case. */
export const countrySchema = z.string().regex(/^[A-Z]{2}$/);

/** A region's name, 1–64 printable characters. */
export const regionSchema = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,64}$/u);

/**
 * One sample as it travels: what a check saw in one round. Times in ms, shares in percent.
 * `latency_ms` is the median round trip of the round, null when nothing came back.
 * Without `target` and `check` it is the node's own summary of the round.
 * Unknown fields are ignored.
 */
export const wireSampleSchema = z
  .object({
    node_id: nodeIdSchema,
    country: countrySchema,
    region: regionSchema,
    latency_ms: milliseconds.nullable(),
    uptime_pct: percent,
    packet_loss: percent,
    timestamp: z.union([
      z.iso.datetime({ offset: true }),
      z.int().min(0).max(253_402_300_799_999).describe("epoch milliseconds"),
    ]),
    target: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]{1,253}$/u)
      .optional(),
    check: z.enum(CHECK_TYPES).optional(),
    latency_min_ms: milliseconds.nullable().optional(),
    latency_max_ms: milliseconds.nullable().optional(),
    jitter_ms: milliseconds.nullable().optional(),
    sent: z.int().min(0).max(10_000).optional(),
    received: z.int().min(0).max(10_000).optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
  })
  .refine((s) => (s.target === undefined) === (s.check === undefined), {
    message: "target and check come together or not at all",
  })
  .meta({ id: "Sample" });

/** One sample as it travels (see {@link wireSampleSchema}). */
export type WireSample = z.input<typeof wireSampleSchema>;

/**
 * One accepted sample inside the product. Identity: (nodeId, target, check, timeMs);
 * `target` and `check` are "" for the node's own summary. Times in ms, shares in percent.
 */
export interface Sample {
  readonly nodeId: string;
  readonly country: string;
  readonly region: string;
  readonly target: string;
  readonly check: CheckType | "";
  /** Epoch milliseconds, UTC. */
  readonly timeMs: number;
  readonly latencyMs: number | null;
  readonly latencyMinMs: number | null;
  readonly latencyMaxMs: number | null;
  readonly jitterMs: number | null;
  readonly sent: number | null;
  readonly received: number | null;
  readonly uptimePct: number;
  readonly packetLoss: number;
  /** JSON text, or null. */
  readonly metadata: string | null;
}
