import { chmod, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "#db";
import { createLogger } from "#runtime";
import { freePort } from "./free-port.js";
import { startJanitor } from "./janitor.js";

/** A server of one test's own, which it may kill or fill. */
export interface ScratchPostgres extends EmbeddedPostgres {
  /** Its state folder. */
  readonly stateDir: string;
  /** Stops it, if it still runs, and removes its folder. */
  remove(): Promise<void>;
}

const PORT_ATTEMPTS = 5;

/**
 * Starts a PostgreSQL in a folder of its own below the system's temporary folder, on a free port,
 * syncing to disk unless `settings` say otherwise. It is gone after {@link ScratchPostgres.remove},
 * and also when this process is killed.
 */
export async function startScratchPostgres(
  options: { readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<ScratchPostgres> {
  const stateDir = await realpath(await mkdtemp(join(tmpdir(), "fiber-test-")));
  await chmod(stateDir, 0o711);
  const janitor = startJanitor(stateDir);
  try {
    const server = await startOnFreePort(stateDir, options.settings ?? {});
    return {
      ...server,
      stateDir,
      async remove() {
        try {
          await server.stop();
        } finally {
          await rm(stateDir, { recursive: true, force: true });
          await janitor.dismiss();
        }
      },
    };
  } catch (cause) {
    await janitor.dismiss();
    throw cause;
  }
}

async function startOnFreePort(
  stateDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<EmbeddedPostgres> {
  const log = createLogger({ role: "testkit", level: "error" });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const port = await freePort();
      return await startEmbeddedPostgres({ stateDir, port, log, settings });
    } catch (cause) {
      // Between asking for a free port and taking it, somebody else may take it.
      const taken = cause instanceof FiberError && cause.code === "PORT_TAKEN";
      if (!taken || attempt === PORT_ATTEMPTS) throw cause;
    }
  }
}
