import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  errorBodySchema,
  FiberError,
  type NodeView,
  nodeAnswerSchema,
  nodeCreateSchema,
  nodeIdSchema,
  nodeListSchema,
  nodePatchSchema,
} from "#contracts";
import {
  createNode,
  type Db,
  deleteNode,
  findNode,
  latestSamples,
  listNodes,
  notifyChanges,
  updateNode,
} from "#db";
import type { AccessHook } from "../auth/access.js";
import type { TokenCache } from "../auth/token-cache.js";
import type { ReadDeps } from "../read-deps.js";
import { toNodeViews } from "../views/node-view.js";

/** What the routes of nodes are made of. */
export interface NodeRouteDeps extends ReadDeps {
  readonly mayOperate: AccessHook;
  readonly mayAdminister: AccessHook;
  readonly tokens: TokenCache;
}

const params = z.object({ id: nodeIdSchema });
const tags = ["nodes"];
const answers = { 200: nodeAnswerSchema, default: errorBodySchema };

/** GET /api/nodes and GET, POST, PATCH, DELETE of one. */
export function nodeRoutes(app: FastifyInstance, deps: NodeRouteDeps): void {
  readNodes(app, deps);
  writeNodes(app, deps);
}

function readNodes(app: FastifyInstance, deps: NodeRouteDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.get(
    "/api/nodes",
    {
      onRequest: deps.mayRead,
      schema: {
        tags,
        summary: "Every node with its state",
        response: { 200: nodeListSchema, default: errorBodySchema },
      },
    },
    async (_request, reply) => {
      const [nodes, samples] = await Promise.all([listNodes(deps.db), latestSamples(deps.db)]);
      return reply.send({ status: "ok", data: toNodeViews(nodes, samples) });
    },
  );
  api.get(
    "/api/nodes/:id",
    { onRequest: deps.mayRead, schema: { tags, summary: "One node", params, response: answers } },
    async (request, reply) =>
      reply.send({ status: "ok", data: await mustReadNode(deps.db, request.params.id) }),
  );
}

function writeNodes(app: FastifyInstance, deps: NodeRouteDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { db } = deps;
  api.post(
    "/api/nodes",
    {
      onRequest: deps.mayOperate,
      schema: {
        tags,
        summary: "Register a node",
        body: nodeCreateSchema,
        response: { 201: nodeAnswerSchema, default: errorBodySchema },
      },
    },
    async (request, reply) => {
      const id = request.body.node_id;
      if (!(await createNode(db, request.body))) {
        throw new FiberError("NODE_EXISTS", `Node ${id} exists; change it with PATCH`);
      }
      await notifyChanges(db, { kind: "nodes", ids: [id] });
      const data = await mustReadNode(db, id);
      return reply.code(201).header("location", `/api/nodes/${id}`).send({ status: "ok", data });
    },
  );
  api.patch(
    "/api/nodes/:id",
    {
      onRequest: deps.mayOperate,
      schema: { tags, summary: "Change a node", params, body: nodePatchSchema, response: answers },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (await updateNode(db, id, request.body)) {
        await notifyChanges(db, { kind: "nodes", ids: [id] });
      }
      return reply.send({ status: "ok", data: await mustReadNode(db, id) });
    },
  );
  api.delete(
    "/api/nodes/:id",
    {
      onRequest: deps.mayAdminister,
      schema: {
        tags,
        summary: "Delete a node and revoke its tokens; its samples stay",
        params,
        response: {
          200: z.object({ status: z.literal("ok"), data: z.object({ node_id: z.string() }) }),
          default: errorBodySchema,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await deleteNode(db, id))) await mustReadNode(db, id);
      deps.tokens.clear();
      await notifyChanges(db, { kind: "nodes", ids: [id] });
      return reply.send({ status: "ok", data: { node_id: id } });
    },
  );
}

async function mustReadNode(db: Db, nodeId: string): Promise<NodeView> {
  const [node, samples] = await Promise.all([findNode(db, nodeId), latestSamples(db, [nodeId])]);
  if (node === null) throw new FiberError("NODE_NOT_FOUND", `There is no node ${nodeId}`);
  if (node.deleted) throw new FiberError("NODE_DELETED", `Node ${nodeId} was deleted`);
  const [view] = toNodeViews([node], samples);
  if (view === undefined) throw new Error(`No view of node ${nodeId}`);
  return view;
}
