import {
  FiberError,
  isRecord,
  isRefusal,
  PUSH_LIMITS,
  type RejectedSample,
  readSample,
  type Sample,
  type SampleLimits,
} from "#contracts";

/** A push, sorted into what can be stored and what cannot; `indices[i]` is where samples[i] stood. */
export interface ReadPush {
  readonly samples: readonly Sample[];
  readonly indices: readonly number[];
  readonly rejected: RejectedSample[];
}

/** What samples of a push are held against; `ownNodeId` is the only node a probe may speak for. */
export interface PushLimits extends SampleLimits {
  readonly ownNodeId: string | null;
}

/**
 * Sorts a push: one sample, an array, or `{node_id, metrics: […]}`. Each sample is judged by
 * itself; nothing is thrown for a bad one.
 *
 * @throws FiberError PAYLOAD_TOO_LARGE for too many samples
 */
export function readPush(body: unknown, limits: PushLimits): ReadPush {
  const { values, envelopeNode } = unwrap(body);
  if (values.length > PUSH_LIMITS.samples) {
    throw new FiberError(
      "PAYLOAD_TOO_LARGE",
      `${values.length} samples in one push; send at most ${PUSH_LIMITS.samples}`,
    );
  }
  const nodeId = typeof envelopeNode === "string" ? envelopeNode : null;
  const sampleLimits = nodeId === null ? limits : { ...limits, nodeId };
  const samples: Sample[] = [];
  const indices: number[] = [];
  const rejected: RejectedSample[] = [];
  for (let index = 0; index < values.length; index++) {
    const result = readSample(values[index], sampleLimits);
    if (isRefusal(result)) {
      rejected.push({ index, code: result.code, message: result.message });
    } else if (
      (limits.ownNodeId !== null && result.nodeId !== limits.ownNodeId) ||
      (nodeId !== null && result.nodeId !== nodeId)
    ) {
      rejected.push(mismatch(index, result.nodeId, limits.ownNodeId ?? nodeId ?? ""));
    } else {
      samples.push(result);
      indices.push(index);
    }
  }
  return { samples, indices, rejected };
}

function unwrap(body: unknown): { values: readonly unknown[]; envelopeNode: unknown } {
  if (Array.isArray(body)) return { values: body, envelopeNode: null };
  if (isRecord(body) && Array.isArray(body.metrics)) {
    return { values: body.metrics, envelopeNode: body.node_id };
  }
  return { values: [body], envelopeNode: null };
}

function mismatch(index: number, nodeId: string, allowed: string): RejectedSample {
  return {
    index,
    code: "NODE_MISMATCH",
    message: `node_id is ${nodeId}, but this push may only speak for ${allowed}`,
  };
}
