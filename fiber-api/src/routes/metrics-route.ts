import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  CHECK_TYPES,
  errorBodySchema,
  latestRoundSchema,
  nodeIdSchema,
  type SampleView,
  sampleViewSchema,
} from "#contracts";
import { type Db, latestSamples, listNodes, listSamples, RETENTION_DAYS } from "#db";
import type { ReadDeps } from "../read-deps.js";
import { toLatestRounds, toSampleView } from "../views/sample-view.js";
import { readWindow, timeParameter } from "./query-window.js";
import { readCursor, toCursor } from "./sample-cursor.js";

const querySchema = z.object({
  node_id: nodeIdSchema.optional(),
  target: z.string().max(253).optional().describe("empty for the node's own summary"),
  check: z.enum(CHECK_TYPES).optional(),
  start: timeParameter.optional(),
  end: timeParameter.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
  cursor: z.string().min(1).max(64).optional(),
});

type Query = z.infer<typeof querySchema>;

const DEFAULT_LIMIT = 100;

/**
 * GET /api/metrics: an array with the latest round of every probe; with any parameter an array of
 * samples, newest first, whose next page's cursor is in `X-Next-Cursor` and `Link`.
 */
export function metricsRoute(app: FastifyInstance, deps: ReadDeps): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/api/metrics",
    {
      onRequest: deps.mayRead,
      schema: {
        tags: ["metrics"],
        summary: "The latest round of every probe, or a page of samples",
        description:
          "Without parameters one entry per probe. With any of them samples, newest first; the " +
          "next page's cursor is in the header `X-Next-Cursor`, absent on the last page.",
        querystring: querySchema,
        response: {
          200: z.union([z.array(latestRoundSchema), z.array(sampleViewSchema)]),
          default: errorBodySchema,
        },
      },
    },
    async (request, reply) => {
      if (Object.keys(request.query).length > 0) {
        return reply.send(await samplePage(deps, request.query, request.url, reply));
      }
      return reply.send(toLatestRounds(await latestSamples(deps.db)));
    },
  );
}

async function samplePage(
  deps: ReadDeps,
  query: Query,
  url: string,
  reply: FastifyReply,
): Promise<SampleView[]> {
  const limit = query.limit ?? DEFAULT_LIMIT;
  const window = readWindow(query, {
    // Samples may be up to five minutes ahead; they belong to the newest page too.
    nowMs: deps.clock.now() + 10 * 60_000,
    defaultMs: (RETENTION_DAYS.raw + 1) * 86_400_000,
    maxMs: 400 * 86_400_000,
  });
  const [samples, nodes] = await Promise.all([
    listSamples(deps.db, {
      nodeId: query.node_id ?? null,
      target: query.target ?? null,
      check: query.target === "" ? "" : (query.check ?? null),
      ...window,
      below: query.cursor === undefined ? null : readCursor(query.cursor),
      limit: limit + 1,
    }),
    nodePlaces(deps.db, query.node_id),
  ]);
  const page = samples.slice(0, limit);
  const last = page.at(-1);
  if (samples.length > limit && last !== undefined) {
    const cursor = toCursor(last);
    const next = new URL(url, "http://api");
    next.searchParams.set("cursor", cursor);
    reply.header("x-next-cursor", cursor);
    reply.header("link", `<${next.pathname}${next.search}>; rel="next"`);
  }
  return page.flatMap((sample) => {
    const node = nodes.get(sample.nodeId);
    return node === undefined ? [] : [toSampleView(sample, node)];
  });
}

async function nodePlaces(db: Db, nodeId: string | undefined) {
  const nodes = await listNodes(db, nodeId === undefined ? null : [nodeId]);
  return new Map(nodes.map((node) => [node.nodeId, node]));
}
