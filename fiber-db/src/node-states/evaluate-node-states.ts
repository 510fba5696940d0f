import { instantPosture, nextPosture, nodeState, type PostureMemory } from "#contracts";
import type { Db } from "../pool.js";
import { readPostureMemory, storePostureMemory } from "./posture-memory.js";
import { readNodeFacts, type StoredNode } from "./read-node-facts.js";
import { type NodeStateChange, storeNodeStates } from "./store-node-states.js";

/** What an evaluation changed. */
export interface StatesEvaluated {
  /** Nodes whose state, or whose reason by choice of the caller, was stored anew. */
  readonly changedNodes: readonly string[];
  /** Whether the posture that is shown, or its reason, changed. */
  readonly postureChanged: boolean;
}

/**
 * Decides the state of every node and the posture of the fleet as of `nowMs` and stores what
 * changed. Runs in the caller's transaction; one process at a time may run it.
 *
 * @param renewReason whether to store a reason that reads differently ("silent for 41 s") while
 *   the state is the same; lets the caller keep such writes few
 */
export async function evaluateNodeStates(
  db: Db,
  nowMs: number,
  renewReason: (nodeId: string) => boolean = () => true,
): Promise<StatesEvaluated> {
  const nodes = await readNodeFacts(db, nowMs);
  const decided = nodes.map((node) => decide(node, renewReason));
  const changes = decided.filter(({ changed }) => changed).map(({ verdict }) => verdict);
  await storeNodeStates(db, changes, nowMs);
  const memory = await readPostureMemory(db);
  const instant = instantPosture(decided.map(({ verdict }) => verdict));
  const next = nextPosture(memory, instant, nowMs);
  if (!isSame(memory, next)) await storePostureMemory(db, next);
  return {
    changedNodes: changes.map((change) => change.nodeId),
    postureChanged: memory?.posture !== next.posture || memory.reason !== next.reason,
  };
}

function decide(
  node: StoredNode,
  renewReason: (nodeId: string) => boolean,
): { verdict: NodeStateChange; changed: boolean } {
  const verdict = { nodeId: node.nodeId, ...nodeState(node.facts) };
  if (verdict.state !== node.state) return { verdict, changed: true };
  if (verdict.reason === node.reason) return { verdict, changed: false };
  // A reason that is not renewed is not used for the posture either, which would change with it.
  return renewReason(node.nodeId)
    ? { verdict, changed: true }
    : { verdict: { ...verdict, reason: node.reason }, changed: false };
}

function isSame(a: PostureMemory | null, b: PostureMemory): boolean {
  return (
    a !== null &&
    a.posture === b.posture &&
    a.reason === b.reason &&
    a.sinceMs === b.sinceMs &&
    a.candidate === b.candidate &&
    a.candidateSinceMs === b.candidateSinceMs
  );
}
