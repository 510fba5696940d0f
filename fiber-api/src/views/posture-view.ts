import { instantPosture, type PostureView } from "#contracts";
import type { NodeRecord, StoredPosture } from "#db";
import { isoTime } from "./sample-view.js";

/**
 * The fleet's posture as it is shown. Before the upkeep decided one it follows from the stored
 * states, as the rules say for a posture without memory.
 */
export function toPostureView(
  stored: StoredPosture | null,
  nodes: readonly NodeRecord[],
  nowMs: number,
): PostureView {
  const { posture, reason, sinceMs } = stored ?? {
    ...instantPosture(nodes.map((node) => ({ ...node, reason: node.stateReason }))),
    sinceMs: nowMs,
  };
  return { posture, reason, since: isoTime(sinceMs) };
}
