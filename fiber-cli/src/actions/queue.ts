import { type QueueServerOptions, queueServerConfigSchema, runQueueServer } from "#etl";
import { stateFolder } from "#runtime";
import { EXIT } from "../exit-codes.js";
import { runAsRole } from "../run-as-role.js";

/** The local nats-server as a role: it ends when the server does, and is then started anew. */
export function runQueue(): Promise<void> {
  return runAsRole("queue", async ({ log, clock, env, loadConfig }) => {
    const options: QueueServerOptions = {
      config: loadConfig(queueServerConfigSchema, env),
      stateDir: await stateFolder(env),
      log,
      clock,
      onEnded: (how) => void endRole(how),
    };
    const server = await runQueueServer(options);
    const endRole = async (how: string) => {
      log.error({ how }, "the queue ended");
      await server.stop();
      process.exit(EXIT.failed);
    };
    return { detail: { port: server.port, version: server.version }, stop: () => server.stop() };
  });
}
