import { z } from "zod";

/** One entry of `roles` in fiber.yaml: a process of the released product. */
const roleEntrySchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "use lower case, digits and hyphens"),
  /** One program with its arguments, run at the root of the release's tree. */
  run: z.string().min(1),
  /** Set for the role, unless its supervisor gives it another value. */
  env: z.record(z.string(), z.string()).default({}),
  /**
   * `deferred`: the new one is warm before the old one stops, and then takes its port over.
   * `restart`: the old one stops, then the new one starts.
   */
  switch: z.enum(["deferred", "restart"]).default("restart"),
  /** It writes to the database: it stops before a schema is changed that it does not fit. */
  writer: z.boolean().default(false),
  /** How long it may take until it is warm or ready, in seconds. */
  start_s: z.int().min(1).max(3_600).default(60),
});

/** See {@link roleEntrySchema}. */
export type RoleEntry = z.output<typeof roleEntrySchema>;

/** `roles` of fiber.yaml, started and switched in this order. */
export const roleEntriesSchema = z.array(roleEntrySchema).superRefine((roles, context) => {
  for (const [index, role] of roles.entries()) {
    const before = roles.slice(0, index).map((other) => other.name);
    if (before.includes(role.name)) {
      context.addIssue({
        code: "custom",
        path: [index, "name"],
        message: "is taken by a role above",
      });
    }
  }
});
