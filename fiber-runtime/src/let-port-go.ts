import type { Server } from "node:http";
import { Server as NetServer } from "node:net";

/** How long clients may keep a connection that they do not use, ms. */
const LINGER_MS = 300;
const LOOK_EVERY_MS = 5;

/**
 * Lets another process listen on a server's port at once. Connections that are open stay, idle
 * ones too: closing those at this moment would reset the requests that are on their way on them.
 */
export function letPortGo(server: Server): void {
  // http's own close() would close idle connections first.
  NetServer.prototype.close.call(server);
}

/**
 * Waits until the clients of a server that let its port go have left: each is told so with its next
 * answer ("connection: close"). Those that ask for nothing are given up after 300 ms.
 */
export async function awaitLeaving(server: Server): Promise<void> {
  const deadline = performance.now() + LINGER_MS;
  while ((await openConnections(server)) > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function openConnections(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((err, count) => resolve(err ? 0 : count));
  });
}
