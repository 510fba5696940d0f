import { z } from "zod";
import { wireSampleSchema } from "./sample.js";

/** Body of POST /api/push: one sample, an array, or an envelope. */
export const pushBodySchema = z
  .union([
    wireSampleSchema,
    z.array(wireSampleSchema),
    z.object({ node_id: z.string(), metrics: z.array(wireSampleSchema) }),
  ])
  .meta({ id: "PushBody" });

/** Why one sample of a batch was refused; `index` counts from 0 in the order sent. */
export const rejectedSampleSchema = z.object({
  index: z.int(),
  code: z.string(),
  message: z.string(),
});

/** See {@link rejectedSampleSchema}. */
export type RejectedSample = z.infer<typeof rejectedSampleSchema>;

/** 202 of POST /api/push: `queued` samples are durable. */
export const pushAcceptedSchema = z
  .object({
    status: z.literal("accepted"),
    data: z.object({ queued: z.int() }),
    rejected: z.array(rejectedSampleSchema).optional(),
  })
  .meta({ id: "PushAccepted" });

/** See {@link pushAcceptedSchema}. */
export type PushAccepted = z.infer<typeof pushAcceptedSchema>;

/** Every error answer of the API. */
export const errorBodySchema = z
  .object({
    status: z.literal("error"),
    code: z.string(),
    message: z.string(),
    request_id: z.string(),
    rejected: z.array(rejectedSampleSchema).optional(),
  })
  .meta({ id: "Error" });

/** See {@link errorBodySchema}. */
export type ErrorBody = z.infer<typeof errorBodySchema>;
