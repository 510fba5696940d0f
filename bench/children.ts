import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Starts a file of this folder as a process with a channel to us. */
export function forkOf(
  file: string,
  env: Readonly<Record<string, string>>,
  options: { readonly quiet?: boolean } = {},
): ChildProcess {
  return fork(join(import.meta.dirname, file), {
    // Without the condition "source": what is measured is the built product, as users run it.
    execArgv: ["--import", "tsx"],
    env: { ...process.env, ...env },
    ...(options.quiet ? { stdio: ["ignore", "ignore", "ignore", "ipc"] } : {}),
  });
}

/**
 * Starts the API with the direct log on a free port.
 *
 * @param options.quiet throws away what it says, such as of connections that are ended on purpose
 */
export async function startServer(
  url: string,
  env: Readonly<Record<string, string>>,
  options: { readonly quiet?: boolean } = {},
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const settings = { FIBER_DATABASE_URL: url, FIBER_API_PORT: "0", ...env };
  const child = forkOf("ingest-server.ts", settings, options);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

/** Ends a child that stops when its channel closes, and waits for it. */
export async function stopChild(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  if (child.connected) child.disconnect();
  await ended;
}
