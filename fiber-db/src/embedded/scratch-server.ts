import { access, chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FiberError } from "#contracts";
import { type Logger, mustRun, runCommand } from "#runtime";
import { prepareBinaries } from "./binaries.js";
import { asOwner, makeServerFolder } from "./cluster.js";
import { type ServerOwner, serverOwner } from "./owner.js";
import { isAlive } from "./processes.js";
import { settingsFile } from "./settings.js";

/** PostgreSQL's server programs, and the system user they run as. */
export interface ServerPrograms {
  /** Folder with `pg_ctl` and `postgres`. */
  readonly bin: string;
  readonly owner: ServerOwner;
}

/** A server on a data folder of its own, reachable by its socket only. */
export interface ScratchServer {
  /** Connection string for one of its databases. */
  url(database: string): string;
  /** Ends it at once; what it wrote is not needed any more. */
  stop(): Promise<void>;
}

const START_TIMEOUT_S = 24 * 3_600;
const POLL_MS = 50;

/**
 * Finds server programs of a major version: `FIBER_PG_BIN`, Debian's folder, or the packaged ones.
 *
 * @throws FiberError SERVER_PROGRAMS_MISSING, or as the embedded server's start
 */
export async function findServerPrograms(options: {
  readonly stateDir: string;
  readonly major: number;
  readonly log: Logger;
  readonly env?: Readonly<Record<string, string | undefined>>;
}): Promise<ServerPrograms> {
  const { stateDir, major, log, env = process.env } = options;
  const owner = await serverOwner(join(stateDir, "postgres", "data"), log);
  const folder = await makeServerFolder(stateDir, owner);
  const packaged = await prepareBinaries({ folder, owner, log }).catch(() => null);
  const candidates = [
    env.FIBER_PG_BIN,
    packaged === null ? undefined : join(packaged.folder, "bin"),
    `/usr/lib/postgresql/${major}/bin`,
  ];
  for (const bin of candidates) {
    if (bin !== undefined && (await majorOfServer(bin)) === major) return { bin, owner };
  }
  throw new FiberError(
    "SERVER_PROGRAMS_MISSING",
    `Recovery runs a PostgreSQL ${major} of its own, and no postgres of that version was found. ` +
      `Install it (Debian: apt-get install postgresql-${major}), or point FIBER_PG_BIN at its folder.`,
  );
}

/**
 * Starts a server on a data folder that holds a backup, and waits until it has recovered and
 * accepts connections; that can take as long as there is WAL to read. Nobody else reaches it: it
 * listens on a socket in a folder of its owner's, where any user of the database is let in.
 *
 * @param data the data folder, the owner's, 0700
 * @param settings PostgreSQL settings; the folder's own configuration is not read
 * @throws FiberError RECOVERY_FAILED with the end of the server's log
 */
export async function startScratchServer(options: {
  readonly programs: ServerPrograms;
  readonly data: string;
  readonly logFile: string;
  readonly user: string;
  readonly settings: Readonly<Record<string, string>>;
}): Promise<ScratchServer> {
  const { data, programs, user } = options;
  const { owner } = programs;
  const socketFolder = await mkdtemp(join(tmpdir(), "fiber-sock-"));
  if (owner.switched) await chown(socketFolder, owner.uid, owner.gid);
  const settings = {
    ...options.settings,
    listen_addresses: "",
    unix_socket_directories: socketFolder,
    unix_socket_permissions: "0700",
  };
  const write = async (name: string, text: string) => {
    await writeFile(join(data, name), text, { mode: 0o600 });
    if (owner.switched) await chown(join(data, name), owner.uid, owner.gid);
  };
  await write("postgresql.conf", settingsFile(settings));
  await write("postgresql.auto.conf", "");
  await write("pg_ident.conf", "");
  await write("pg_hba.conf", "local all all trust\n");

  const pgCtl = join(programs.bin, "pg_ctl");
  const as = asOwner(owner, data);
  const stop = async () => {
    await runCommand([pgCtl, "stop", "-w", "-s", "-m", "immediate", "-D", data], as);
    await rm(socketFolder, { recursive: true, force: true });
  };
  const start = [
    pgCtl,
    "start",
    "-w",
    "-s",
    "-t",
    String(START_TIMEOUT_S),
    "-D",
    data,
    "-l",
    options.logFile,
  ] as const;
  const started = await runCommand(start, as);
  if (started.exitCode !== 0 || !(await recovered(data))) {
    await stop();
    const log = await mustRun(["tail", "-n", "12", options.logFile]).catch(() => "(no log)");
    throw new FiberError("RECOVERY_FAILED", `The recovery ended early. Its log:\n${log}`);
  }
  const query = new URLSearchParams({
    host: socketFolder,
    port: options.settings.port ?? "5432",
    user,
  });
  return { url: (database) => `postgresql:///${encodeURIComponent(database)}?${query}`, stop };
}

/**
 * Waits for the end of recovery: pg_ctl is content as soon as the server is a closed standby.
 *
 * @returns false when the server ended instead
 */
async function recovered(data: string): Promise<boolean> {
  for (;;) {
    // Line 8 is the server's state (miscadmin.h, LOCK_FILE_LINE_PM_STATUS).
    const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
    const lines = text.split("\n");
    if (lines[7]?.trim() === "ready") return true;
    const pid = Number(lines[0]);
    if (!(pid > 0 && isAlive(pid))) return false;
    await sleep(POLL_MS);
  }
}

/** Ends a server that a killed recovery left running on a data folder; harmless when none runs. */
export async function stopLeftServer(programs: ServerPrograms, data: string): Promise<void> {
  const command = [join(programs.bin, "pg_ctl"), "stop", "-w", "-s", "-m", "immediate", "-D", data];
  const [program = "", ...args] = command;
  if (await exists(join(data, "postmaster.pid"))) {
    await runCommand([program, ...args], asOwner(programs.owner, data));
  }
}

async function majorOfServer(bin: string): Promise<number | null> {
  if (!(await exists(join(bin, "pg_ctl")))) return null;
  const asked = await runCommand([join(bin, "postgres"), "--version"], { timeoutMs: 10_000 });
  const version = /\(PostgreSQL\) (\d+)/.exec(asked.stdout)?.[1];
  return version === undefined ? null : Number(version);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
