import { startStack } from "#agent";
import { FiberError } from "#contracts";
import { tell } from "../terminal.js";
import { stackOptions } from "./up.js";

/** Runs the agent beside a stack on containers until it is told to stop. */
export async function runAgent(): Promise<void> {
  if (!process.env.FIBER_DATABASE_URL) {
    throw new FiberError(
      "CONFIG_INVALID",
      "FIBER_DATABASE_URL is missing: the agent looks after a database that others run. `fiber up` " +
        "runs one of its own.",
    );
  }
  const options = { ...(await stackOptions(true)), rolesElsewhere: true };
  const interrupted = new AbortController();
  const agent = await startStack(options, interrupted.signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void agent.stop(signal));
  }
  tell(`the agent listens on ${options.paths.socket}`);
  await agent.stopped;
  tell("stopped");
}
