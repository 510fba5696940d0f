import { z } from "zod";
import { nodeViewSchema } from "./node.js";
import { latestRoundSchema, postureViewSchema } from "./views.js";

/**
 * Events of GET /api/live by their `event:` name; `data:` is one JSON value.
 * `hello` comes first; `nodes` carries changed nodes, `samples` newest rounds of changed probes,
 * `posture` the fleet's posture when it changes.
 */
export const liveEventSchemas = {
  hello: z.object({ release: z.string(), time: z.string() }),
  samples: z.array(latestRoundSchema),
  nodes: z.array(nodeViewSchema),
  posture: postureViewSchema,
} as const;

/** A live event's name. */
export type LiveEventName = keyof typeof liveEventSchemas;

/** A live event with its payload. */
export type LiveEvent = {
  [Name in LiveEventName]: { event: Name; data: z.infer<(typeof liveEventSchemas)[Name]> };
}[LiveEventName];
