import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Logger } from "#runtime";
import type { WorkerTarget } from "../config/target.js";
import type { Outcome } from "./outcome.js";
import type { CheckJob, CheckReply } from "./worker-entry.js";

/**
 * The thread in which tcp, http, dns and tls are measured, so that a busy main loop adds nothing
 * to what they read off the clock. It starts with its first job and is started again when it dies.
 */
export interface CheckWorker {
  /** Probes one target for one round, a probe each `periodMs`. Never rejects; a dead or stuck worker reads "unable". */
  run(target: WorkerTarget, periodMs: number): Promise<readonly Outcome[]>;
  close(): Promise<void>;
}

interface Waiting {
  readonly settle: (outcomes: readonly Outcome[]) => void;
  readonly watchdog: NodeJS.Timeout;
}

/** How much longer than its probes can last a job may take before the worker counts as stuck. */
const STUCK_AFTER_MS = 10_000;

/** See {@link CheckWorker}. */
export function createCheckWorker(log: Logger): CheckWorker {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let nextId = 1;

  const lose = (dead: Worker, reason: string) => {
    if (worker !== dead) return;
    worker = null;
    log.error({ reason, jobs: waiting.size }, "check worker ended");
    for (const [id, { settle }] of waiting) {
      waiting.delete(id);
      settle([{ kind: "unable", reason }]);
    }
    void dead.terminate();
  };

  const start = (): Worker => {
    const started = startThread();
    started.on("message", ({ id, outcomes }: CheckReply) => {
      waiting.get(id)?.settle(outcomes);
      waiting.delete(id);
    });
    started.on("error", (error) => lose(started, `check worker failed: ${error.message}`));
    started.on("exit", (code) => lose(started, `check worker exited with ${code}`));
    return started;
  };

  return {
    run(target, periodMs) {
      worker ??= start();
      const thread = worker;
      const id = nextId++;
      return new Promise((resolve) => {
        const longestMs = target.count * periodMs + target.timeoutMs + STUCK_AFTER_MS;
        const watchdog = setTimeout(() => lose(thread, "check worker is stuck"), longestMs);
        const settle = (outcomes: readonly Outcome[]) => {
          clearTimeout(watchdog);
          resolve(outcomes);
        };
        waiting.set(id, { settle, watchdog });
        thread.postMessage({ id, target, periodMs } satisfies CheckJob);
      });
    },
    async close() {
      const thread = worker;
      worker = null;
      for (const { settle } of waiting.values()) {
        settle([{ kind: "unable", reason: "the probe is stopping" }]);
      }
      waiting.clear();
      await thread?.terminate();
    },
  };
}

/** Starts the thread from the file beside this one: `.js` when built, `.ts` from source. */
function startThread(): Worker {
  const options = {
    name: "fiber-checks",
    // The heap of a thread is its own; a thousand targets need a few megabytes.
    resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 },
  };
  if (!import.meta.url.endsWith(".ts")) {
    return new Worker(new URL("./worker-entry.js", import.meta.url), options);
  }
  // From source the thread must first learn TypeScript: loaders of the main thread are not its own.
  const entry = fileURLToPath(new URL("./worker-entry.ts", import.meta.url));
  const tsx = createRequire(import.meta.url).resolve("tsx/cjs/api");
  const code = `require(${JSON.stringify(tsx)}).register(); require(${JSON.stringify(entry)});`;
  return new Worker(code, { ...options, eval: true, execArgv: ["--conditions=source"] });
}
