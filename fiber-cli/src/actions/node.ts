import { FiberError } from "#contracts";
import { type DbPool, deleteNode, findNode, listNodes, type NodeRecord, notifyChanges } from "#db";
import { confirm } from "../ask.js";
import { withDatabase } from "../stack-access.js";
import { formatTable, paint, printResult } from "../terminal.js";

/** Lists all nodes. */
export async function list({ json = false }: { json?: boolean }): Promise<void> {
  const nodes = await withDatabase((db) => listNodes(db));
  printResult(json, nodes.map(viewOf), () =>
    nodes.length === 0
      ? "No nodes yet: a node appears with its probe's first push."
      : formatTable([
          ["NODE", "STATE", "SINCE", "COUNTRY", "REGION", "DEMO", "VERSION"],
          ...nodes.map((node) => [
            node.nodeId,
            paintState(node.state),
            new Date(node.stateSinceMs).toISOString(),
            node.country,
            node.region,
            node.demo ? "yes" : "no",
            node.version ?? "-",
          ]),
        ]),
  );
}

/** Shows one node. */
export async function show(id: string, { json = false }: { json?: boolean }): Promise<void> {
  const node = await withDatabase((db) => requireNode(db, id));
  const lines = () => [
    `${node.nodeId}  ${paintState(node.state)}${node.demo ? "  demo" : ""}`,
    `  since      ${new Date(node.stateSinceMs).toISOString()}`,
    `  reason     ${node.stateReason ?? "-"}`,
    `  place      ${node.region}, ${node.country}${node.coordinates ? ` (${node.coordinates.join(", ")})` : ""}`,
    `  interval   ${node.intervalMs / 1000} s`,
    `  version    ${node.version ?? "-"}`,
    `  uplink     ${node.uplink}`,
    ...node.unable.map((each) => `  unable     ${each.check} ${each.target}: ${each.reason}`),
  ];
  printResult(json, viewOf(node), () => lines().join("\n"));
}

/** Removes a node softly after asking. */
export async function remove(
  id: string,
  options: { dryRun?: boolean; yes?: boolean; json?: boolean },
): Promise<void> {
  const { dryRun = false, yes = false, json = false } = options;
  await withDatabase(async (db) => {
    const node = await requireNode(db, id);
    if (dryRun) return printResult(json, viewOf(node), () => `To remove: ${node.nodeId}`);
    await confirm(
      `Remove ${node.nodeId} (${node.region})? Its tokens are revoked and its pushes refused; its history stays.`,
      yes,
    );
    await deleteNode(db, node.nodeId);
    await notifyChanges(db, { kind: "nodes", ids: [node.nodeId] });
    printResult(json, { ...viewOf(node), deleted: true }, () => `Removed ${node.nodeId}`);
  });
}

async function requireNode(db: DbPool, id: string): Promise<NodeRecord> {
  const node = await findNode(db, id);
  if (node !== null && !node.deleted) return node;
  throw new FiberError("NODE_NOT_FOUND", `No node "${id}". \`fiber node list\` shows all.`);
}

function paintState(state: NodeRecord["state"]): string {
  const colour = state === "HEALTHY" ? "green" : state === "DEGRADED" ? "yellow" : "red";
  return paint(colour, state);
}

function viewOf(node: NodeRecord) {
  return {
    node_id: node.nodeId,
    state: node.state,
    state_since: new Date(node.stateSinceMs).toISOString(),
    state_reason: node.stateReason,
    country: node.country,
    region: node.region,
    coordinates: node.coordinates,
    demo: node.demo,
    interval_ms: node.intervalMs,
    version: node.version,
    uplink: node.uplink,
    unable: node.unable,
  };
}
