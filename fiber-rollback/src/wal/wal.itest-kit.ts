import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPool, type DbPool, upgrade } from "#db";
import { createLogger } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import { fill, testPorts } from "../data.itest-kit.js";
import type { DataPorts } from "../ports.js";
import { prepareWalArchive } from "./wal-folder.js";

/** A server of its own that archives its WAL, with a filled database. */
export interface ArchivingServer {
  readonly server: ScratchPostgres;
  readonly pool: DbPool;
  readonly ports: DataPorts;
  readonly stateDir: string;
  remove(): Promise<void>;
}

/** Starts one; `settings` win over those of the WAL archive. */
export async function startArchivingServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<ArchivingServer> {
  const stateDir = realpathSync(mkdtempSync(join(tmpdir(), "fiber wal's-")));
  chmodSync(stateDir, 0o711);
  const log = createLogger({ role: "test", level: "silent" });
  const archiving = await prepareWalArchive(stateDir, log);
  const server = await startScratchPostgres({ settings: { ...archiving, ...settings } });
  const url = server.url("fiberstack");
  await upgrade({ connectionString: url });
  const pool = createPool({ connectionString: url, applicationName: "test", onError: () => {} });
  await fill(pool, 1_000);
  return {
    server,
    pool,
    stateDir,
    ports: testPorts(url, stateDir),
    async remove() {
      await pool.end();
      await server.remove();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
