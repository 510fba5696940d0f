import { parentPort } from "node:worker_threads";
import type { WorkerTarget } from "../config/target.js";
import type { Outcome } from "./outcome.js";
import { probeRound } from "./probe-round.js";

/** What the main thread asks of the worker. */
export interface CheckJob {
  readonly id: number;
  readonly target: WorkerTarget;
  /** Time between two probes, ms. */
  readonly periodMs: number;
}

/** The worker's answer to the job of the same id. */
export interface CheckReply {
  readonly id: number;
  readonly outcomes: readonly Outcome[];
}

parentPort?.on("message", async ({ id, target, periodMs }: CheckJob) => {
  const reply = (outcomes: readonly Outcome[]) =>
    parentPort?.postMessage({ id, outcomes } satisfies CheckReply);
  try {
    reply(await probeRound(target, periodMs));
  } catch (error) {
    // A defect in a check is our failure, not the target's.
    reply([{ kind: "unable", reason: `check failed: ${(error as Error).message}`.slice(0, 200) }]);
  }
});
