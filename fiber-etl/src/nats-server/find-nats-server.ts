import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { FiberError } from "#contracts";
import { runCommand } from "#runtime";

/** A nats-server program. */
export interface NatsProgram {
  readonly path: string;
  readonly version: string;
}

/** Debian puts it where ordinary users' PATH does not look. */
const MORE_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/**
 * Finds nats-server: FIBER_NATS_BIN, else on the PATH.
 *
 * @throws FiberError NATS_SERVER_MISSING, or NATS_SERVER_UNUSABLE when it does not run
 */
export async function findNatsServer(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<NatsProgram> {
  const folders = [...(env.PATH ?? "").split(delimiter), ...MORE_FOLDERS].filter(Boolean);
  const candidates = env.FIBER_NATS_BIN
    ? [env.FIBER_NATS_BIN]
    : folders.map((folder) => join(folder, "nats-server"));
  const path = candidates.find(isExecutable);
  if (path === undefined) {
    const where = env.FIBER_NATS_BIN
      ? `FIBER_NATS_BIN names ${env.FIBER_NATS_BIN}, which is no program.`
      : "nats-server was not found.";
    throw new FiberError(
      "NATS_SERVER_MISSING",
      `${where} The ingest log jetstream needs it: install Debian's package (apt-get install ` +
        "nats-server), set FIBER_NATS_BIN to the program, or FIBER_NATS_URL to a server that runs.",
    );
  }
  const { stdout, stderr } = await runCommand([path, "--version"], { timeoutMs: 5_000 });
  const version = /v?(\d+\.\d+\.\d+)/.exec(`${stdout}\n${stderr}`)?.[1];
  if (version === undefined) {
    throw new FiberError("NATS_SERVER_UNUSABLE", `${path} --version did not tell a version.`);
  }
  return { path, version };
}

/** Whether a version is this one or newer. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ours = 0, theirs = 0] = version.split(".").map(Number);
  return ours > major || (ours === major && theirs >= minor);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
