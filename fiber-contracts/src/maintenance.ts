import { z } from "zod";

/** One entry of GET /api/maintenance: planned work, during which alerts are muted. */
export const maintenanceViewSchema = z
  .object({
    id: z.string().describe("the run that opened it"),
    reason: z.string(),
    opened_by: z.string(),
    opened_at: z.string(),
    ends_by: z.string().describe("it ends by itself then"),
    closed_at: z.string().nullable(),
    open: z.boolean(),
  })
  .meta({ id: "Maintenance" });

/** See {@link maintenanceViewSchema}. */
export type MaintenanceView = z.infer<typeof maintenanceViewSchema>;

/** GET /api/maintenance. */
export const maintenanceListSchema = z.object({
  status: z.literal("ok"),
  data: z.array(maintenanceViewSchema),
});
