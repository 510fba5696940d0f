import { z } from "zod";

const common = {
  id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "use lower case, digits and hyphens"),
  title: z.string().min(1),
  /** False: measured and shown, never a reason to go back. */
  blocking: z.boolean().default(true),
  /** How long it may take to become good, in seconds. */
  within_s: z.number().positive().max(3_600).default(90),
  /** How long it must stay good without a break before it counts, in seconds. */
  hold_s: z.number().min(0).max(600).default(0),
};

/** A URL; `$NAME` in it is replaced from the run's environment: $FIBER_API_URL/health. */
const address = z.string().min(1);
const apiUrl = address.default("$FIBER_API_URL");

const httpGate = z.strictObject({
  ...common,
  kind: z.literal("http"),
  url: address,
  expect: z
    .strictObject({
      status: z.int().min(100).max(599).default(200),
      /** Text that the body must hold; $FIBER_RELEASE is the release that should run. */
      contains: z.string().min(1).optional(),
    })
    .prefault({}),
});

const commandGate = z.strictObject({
  ...common,
  kind: z.literal("command"),
  /** A shell command at the root of the release's tree; exit 0 is good. */
  run: z.string().min(1),
});

const statusGate = z.strictObject({ ...common, kind: z.literal("fiber-status"), url: apiUrl });

const probesGate = z.strictObject({
  ...common,
  kind: z.literal("fiber-probes"),
  url: apiUrl,
  /** Probes that must report when nothing is known of before. */
  limit: z.strictObject({ min_probes: z.int().min(0).default(1) }).prefault({}),
});

const ingestGate = z.strictObject({
  ...common,
  kind: z.literal("fiber-ingest"),
  url: apiUrl,
  limit: z.strictObject({ lag_s: z.number().positive().default(30) }).prefault({}),
});

const errorsGate = z.strictObject({
  ...common,
  kind: z.literal("fiber-errors"),
  url: apiUrl,
  limit: z
    .strictObject({
      /** Share of answers that may be 5xx, in percent. */
      error_pct: z.number().min(0).max(100).default(1),
      /** Over how long the share is taken, in seconds. */
      window_s: z.number().positive().max(600).default(10),
    })
    .prefault({}),
});

const dashboardGate = z.strictObject({
  ...common,
  kind: z.literal("fiber-dashboard"),
  url: address.default("$FIBER_DASHBOARD_URL"),
});

const targetsGate = z.strictObject({
  ...common,
  kind: z.literal("fiber-targets"),
  /** Shown, whatever `blocking` says, unless this part of the tree changed between the releases. */
  code: z.string().min(1).default("fiber-probe"),
  limit: z
    .strictObject({
      rtt_factor: z.number().min(1).default(2),
      loss_points: z.number().min(0).max(100).default(20),
    })
    .prefault({}),
});

/** One gate of `verify` in fiber.yaml: what must hold after a release was switched to. */
export const verifyGateSchema = z.discriminatedUnion("kind", [
  httpGate,
  commandGate,
  statusGate,
  probesGate,
  ingestGate,
  errorsGate,
  dashboardGate,
  targetsGate,
]);

/** See {@link verifyGateSchema}. */
export type VerifyGate = z.output<typeof verifyGateSchema>;

/** A gate of one kind. */
export type GateOf<Kind extends VerifyGate["kind"]> = Extract<VerifyGate, { kind: Kind }>;

/** `verify` of fiber.yaml: gates in the order in which they are shown; ids are unique. */
export const verifySpecSchema = z
  .array(verifyGateSchema)
  .refine((gates) => new Set(gates.map((gate) => gate.id)).size === gates.length, {
    message: "two gates share an id",
  });
