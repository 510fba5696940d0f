import type { Sample } from "#contracts";
import { makeSample } from "../ingest-log-conformance.itest-kit.js";

/** Publishers of the process that is killed. */
export const PUMPS = 64;

/** Tells that process the time of its newest samples. */
export const BASE_VARIABLE = "TEST_BASE_MS";

/** The same batch, whoever asks for it. */
export function batchOf(at: { pump: number; round: number; base: number }): readonly Sample[] {
  return Array.from({ length: 3 }, (_, index) =>
    makeSample({
      nodeId: `node-${at.pump}`,
      target: `host-${index}`,
      timeMs: at.base - at.round,
      latencyMs: at.pump + at.round / 1_000,
    }),
  );
}
