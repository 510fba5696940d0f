import { createServer } from "node:net";
import { FiberError } from "#contracts";
import { portHolder } from "#runtime";

/** A port that the stack is about to use, with the variable that moves it. */
export interface WantedPort {
  readonly what: string;
  readonly host: string;
  readonly port: number;
  readonly variable: string;
}

/** Whether somebody else listens there. 0, the system's choice, is always free. */
export async function isPortFree(host: string, port: number): Promise<boolean> {
  if (port === 0) return true;
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (err: NodeJS.ErrnoException) => {
      if (err.code === "EADDRINUSE") resolve(false);
      else reject(err);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Refuses a port that is taken, naming its holder and the variable to set.
 *
 * @throws FiberError PORT_TAKEN, or PORT_UNUSABLE (not allowed, no such address)
 */
export async function requireFreePort(wanted: WantedPort): Promise<void> {
  const { what, host, port, variable } = wanted;
  let free: boolean;
  try {
    free = await isPortFree(host, port);
  } catch (cause) {
    throw new FiberError(
      "PORT_UNUSABLE",
      `${what} cannot listen on ${host}:${port} (${(cause as Error).message}). Set ${variable} to another port.`,
      { cause },
    );
  }
  if (!free) throw new FiberError("PORT_TAKEN", await describeTakenPort(wanted));
}

async function describeTakenPort({ what, port, variable }: WantedPort): Promise<string> {
  const holder = await portHolder(port);
  const who =
    holder === null
      ? "a process of another user"
      : `process ${holder.pid} (${holder.command.slice(0, 120)})`;
  return `Port ${port}, which ${what} needs, is taken by ${who}. Stop it, or set ${variable} to another port.`;
}
