import { once } from "node:events";
import { tellSupervisor } from "./run-role.js";

/** How long a role that was told to go tries to get its port, ms. */
const TAKE_OVER_MS = 20_000;

/**
 * Listens at once; or, under a supervisor that switches releases and set FIBER_DEFERRED_LISTEN=1,
 * only when it is told to. The role then warms up, says "warm", and from the supervisor's "go" on
 * tries every millisecond to listen while the role before it lets the port go.
 *
 * @param listen listens once; rejects with EADDRINUSE or PORT_TAKEN while the port is taken
 * @param warmUp makes the first real request as fast as later ones; called in a deferred start only
 */
export async function listenWhenTold<T>(
  listen: () => Promise<T>,
  warmUp: () => Promise<unknown>,
): Promise<T> {
  if (process.env.FIBER_DEFERRED_LISTEN !== "1" || process.send === undefined) return listen();
  await warmUp();
  const told = once(process, "message");
  tellSupervisor({ type: "warm" });
  await told;
  const deadline = performance.now() + TAKE_OVER_MS;
  for (;;) {
    try {
      return await listen();
    } catch (err) {
      if (!isTaken(err) || performance.now() > deadline) throw err;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function isTaken(err: unknown): boolean {
  const { code } = err as { code?: unknown };
  return code === "EADDRINUSE" || code === "PORT_TAKEN";
}
