import { FiberError } from "#contracts";

/**
 * Runs work that Ctrl-C or TERM ends early. The first signal aborts it and waits for its clean-up;
 * a second one ends the process at once.
 *
 * @throws FiberError INTERRUPTED when the work gave way to a signal
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(name === "SIGINT" ? 130 : 143);
    controller.abort(new FiberError("INTERRUPTED", `Interrupted by ${name}; cleaned up.`));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
