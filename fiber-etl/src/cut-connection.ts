import type pg from "pg";

/**
 * Closes a connection without a goodbye, for a server that hangs or a statement that must not be
 * waited for. The server rolls back what was open. The driver offers this nowhere, so its own
 * connection object is reached into.
 */
export function cutConnection(client: pg.ClientBase): void {
  (client as unknown as { connection: pg.Connection }).connection.stream.destroy();
}
