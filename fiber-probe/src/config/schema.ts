import { z } from "zod";
import {
  coordinatesSchema,
  countrySchema,
  nodeIdSchema,
  regionSchema,
  thresholdsSchema,
} from "#contracts";
import { parseDuration } from "./duration.js";
import { isHost, parseEndpoint } from "./endpoint.js";
import { DNS_RECORD_TYPES } from "./target.js";

const durationSchema = (minMs: number, maxMs: number, range: string) =>
  z.string("must be a duration such as 10s or 500ms").transform((text, context) => {
    const ms = parseDuration(text);
    if (ms === null) {
      context.addIssue({ code: "custom", message: "must be a duration such as 10s or 500ms" });
      return z.NEVER;
    }
    if (ms < minMs || ms > maxMs) context.addIssue({ code: "custom", message: `must be ${range}` });
    return ms;
  });

const labelSchema = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}]{1,253}$/u, "must be 1 to 253 printable characters");

const hostSchema = z.string().refine(isHost, "must be an IP address or a host name");

const endpointSchema = (defaultPort?: number) =>
  z.string().transform((text, context) => {
    const endpoint = parseEndpoint(text, defaultPort);
    if (endpoint !== null) return { text, ...endpoint };
    context.addIssue({
      code: "custom",
      message: `must be host:port, for example example.net:${defaultPort ?? 443} or [2001:db8::1]:443`,
    });
    return z.NEVER;
  });

const httpUrlSchema = z
  .string()
  .max(253, "must have at most 253 characters")
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url !== null && (url.protocol === "http:" || url.protocol === "https:");
  }, "must be an http:// or https:// address")
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url === null || (url.username === "" && url.password === "");
  }, "must not hold a user name or password");

const common = {
  label: labelSchema.optional(),
  count: z.int().min(1).max(100).optional(),
  timeout: durationSchema(10, 60_000, "between 10ms and 60s").optional(),
  thresholds: z.strictObject(thresholdsSchema.shape).optional(),
};

const icmpSchema = z.strictObject({ check: z.literal("icmp"), host: hostSchema, ...common });

const tcpSchema = z.strictObject({
  check: z.literal("tcp"),
  host: endpointSchema(),
  expect: z.strictObject({ banner: z.string().min(1).max(1_024) }).optional(),
  ...common,
});

const httpSchema = z.strictObject({
  check: z.literal("http"),
  host: httpUrlSchema,
  expect: z
    .strictObject({
      status: z.int().min(100).max(599).optional(),
      body: z.string().min(1).max(1_024).optional(),
    })
    .optional(),
  verify: z.boolean().optional(),
  ...common,
});

const dnsSchema = z.strictObject({
  check: z.literal("dns"),
  host: hostSchema,
  record: z.enum(DNS_RECORD_TYPES).optional(),
  server: endpointSchema(53).optional(),
  expect: z.strictObject({ record: z.string().min(1).max(1_024) }).optional(),
  ...common,
});

const tlsSchema = z.strictObject({
  check: z.literal("tls"),
  host: endpointSchema(443),
  server_name: hostSchema.optional(),
  expiry: z
    .strictObject({
      warn_days: z.int().min(0).max(3_650).optional(),
      critical_days: z.int().min(0).max(3_650).optional(),
    })
    .optional(),
  ...common,
});

/** One entry of `targets` in probe.yaml. */
export const targetSchema = z.discriminatedUnion("check", [
  icmpSchema,
  tcpSchema,
  httpSchema,
  dnsSchema,
  tlsSchema,
]);

/** See {@link targetSchema}: as written. */
export type TargetInput = z.input<typeof targetSchema>;

/** The document probe.yaml; every key is described in docs/probe.md. Unknown keys are refused. */
export const probeConfigSchema = z.strictObject({
  node_id: nodeIdSchema,
  country: countrySchema,
  region: regionSchema,
  coordinates: coordinatesSchema.optional(),
  demo: z.boolean().optional(),
  uplinks: z
    .array(
      z.strictObject({
        url: httpUrlSchema,
        token_env: z.string().regex(/^[A-Z_][A-Z0-9_]{0,63}$/, "must name a variable, in capitals"),
      }),
    )
    .min(1)
    .max(8),
  interval: durationSchema(1_000, 86_400_000, "between 1s and 24h").optional(),
  targets: z.array(targetSchema).max(10_000).optional(),
  spool: z
    .strictObject({
      path: z.string().min(1).max(1_024).optional(),
      max_samples: z.int().min(100).max(100_000_000).optional(),
      max_bytes: z
        .int()
        .min(64 * 1_024)
        .max(1_099_511_627_776)
        .optional(),
    })
    .optional(),
});

/** See {@link probeConfigSchema}: as written. */
export type ProbeConfigInput = z.input<typeof probeConfigSchema>;

/** See {@link probeConfigSchema}: durations in ms, endpoints split. */
export type ProbeDocument = z.output<typeof probeConfigSchema>;
