import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { ERROR_STATUS } from "./errors.js";
import {
  heartbeatSchema,
  nodeCreateSchema,
  nodeListSchema,
  nodePatchSchema,
  nodeViewSchema,
  thresholdsSchema,
} from "./index.js";
import { liveEventSchemas } from "./live.js";
import { errorBodySchema, pushAcceptedSchema, pushBodySchema } from "./push.js";
import { ROLES, roleMay } from "./roles.js";
import { NODE_ID_PATTERN, nodeIdSchema, regionSchema, wireSampleSchema } from "./sample.js";
import {
  aggregatedSchema,
  chartPointSchema,
  clusterSchema,
  latestRoundSchema,
  seriesSchema,
  statusSchema,
} from "./views.js";

const schemas: Record<string, z.ZodType> = {
  wireSampleSchema,
  pushBodySchema,
  pushAcceptedSchema,
  errorBodySchema,
  heartbeatSchema,
  nodeCreateSchema,
  nodePatchSchema,
  nodeViewSchema,
  nodeListSchema,
  thresholdsSchema,
  statusSchema,
  latestRoundSchema,
  chartPointSchema,
  seriesSchema,
  aggregatedSchema,
  clusterSchema,
  ...Object.fromEntries(Object.entries(liveEventSchemas).map(([k, v]) => [`live ${k}`, v])),
};

const hostile = fc.oneof(
  fc.json({ maxDepth: 6 }).map((text) => JSON.parse(text) as unknown),
  fc.object({ key: fc.constantFrom("node_id", "status", "data", "targets", "__proto__", "x") }),
  fc.constantFrom<unknown>(undefined, null, Number.NaN, Symbol.iterator, () => 1, 10n, new Map()),
);

describe("every schema", () => {
  test.each(Object.entries(schemas))("%s answers anything without throwing", (_name, schema) => {
    fc.assert(
      fc.property(hostile, (value) => {
        const result = schema.safeParse(value);
        // What is accepted is plain data, and stays accepted after its way over the wire.
        if (result.success) {
          expect(schema.safeParse(JSON.parse(JSON.stringify(result.data))).success).toBe(true);
        }
        expect(({} as Record<string, unknown>).x).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe("node ids", () => {
  test("are safe as a path segment, whatever they are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (id) => {
        if (!nodeIdSchema.safeParse(id).success) return;
        expect(encodeURIComponent(id)).toBe(id);
        expect(new URL(`http://h/api/nodes/${id}`).pathname).toBe(`/api/nodes/${id}`);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/), (id) => {
        expect(NODE_ID_PATTERN.test(id)).toBe(id !== "." && id !== "..");
      }),
    );
  });

  test.each(["", ".", "..", "../a", "a/b", "a\\b", "a b", "%2e", "a\n", "x".repeat(65), "ä"])(
    "%j is none",
    (id) => expect(nodeIdSchema.safeParse(id).success).toBe(false),
  );
});

test("regions hold no control characters", () => {
  for (const region of ["a\nb", "\0", "\u007f", "\u0085", "\ud800", ""]) {
    expect(regionSchema.safeParse(region).success).toBe(false);
  }
  for (const region of ["Accra", "Côte d’Ivoire", "東京", "x".repeat(64)]) {
    expect(regionSchema.safeParse(region).success).toBe(true);
  }
});

describe("bodies", () => {
  const node = { node_id: "a", country: "GH", region: "Accra" };
  const beat = {
    ...node,
    interval_ms: 10_000,
    version: "1.0.0",
    uplink: "ok",
    unable: [],
    targets: [],
    spool: { samples: 0, bytes: 0, dropped: 0 },
  };

  test("a node with unknown fields is refused, a heartbeat with them is taken", () => {
    expect(nodeCreateSchema.safeParse(node).success).toBe(true);
    expect(nodeCreateSchema.safeParse({ ...node, colour: 1 }).success).toBe(false);
    expect(heartbeatSchema.parse({ ...beat, colour: 1 })).toEqual({ ...beat, demo: false });
  });

  test("an empty patch is refused, and one that renames", () => {
    expect(nodePatchSchema.safeParse({}).success).toBe(false);
    expect(nodePatchSchema.safeParse({ node_id: "b" }).success).toBe(false);
    expect(nodePatchSchema.safeParse({ region: "Tema" }).success).toBe(true);
  });

  test.each([
    { coordinates: [90.1, 0] },
    { coordinates: [0, 181] },
    { coordinates: [0] },
    { interval_ms: 999 },
    { uplink: "maybe" },
    { targets: [{ target: "", check: "icmp" }] },
    { unable: [{ target: "a", check: "smtp", reason: "" }] },
  ])("a heartbeat with %j is refused", (fields) => {
    expect(heartbeatSchema.safeParse({ ...beat, ...fields }).success).toBe(false);
  });
});

test("roles only grant what the table says", () => {
  const table = ROLES.map((role) =>
    (["read", "operate", "administer", "push"] as const).filter((p) => roleMay(role, p)).join(" "),
  );
  expect(table).toEqual(["read", "read operate", "read operate administer push", "push"]);
});

test("every error code is upper snake and carries an error status", () => {
  for (const [code, status] of Object.entries(ERROR_STATUS)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(status >= 400 && status < 600).toBe(true);
  }
});
