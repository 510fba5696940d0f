import { stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { FiberError } from "#contracts";
import { type Logger, runCommand } from "#runtime";

/** The system user that the server runs as. */
export interface ServerOwner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** True when we are root and the server runs as somebody else. */
  readonly switched: boolean;
}

/** The user made where root starts the server and the machine has no `postgres` user. */
const OWN_USER = "fiberstack";

/**
 * Decides who the server runs as: ourselves, or as root, whom PostgreSQL refuses, the owner of an
 * existing data folder, else the system user `postgres`, else `fiberstack`, made when missing.
 *
 * @throws FiberError POSTGRES_USER_UNUSABLE
 */
export async function serverOwner(dataFolder: string, log: Logger): Promise<ServerOwner> {
  if (process.getuid?.() !== 0) return ourselves(dataFolder);
  const owned = await stat(dataFolder).catch(() => null);
  if (owned !== null && owned.uid !== 0) {
    return { name: `uid ${owned.uid}`, uid: owned.uid, gid: owned.gid, switched: true };
  }
  return (await lookUp("postgres")) ?? (await lookUp(OWN_USER)) ?? (await makeOwnUser(log));
}

async function ourselves(dataFolder: string): Promise<ServerOwner> {
  const uid = process.getuid?.() ?? -1;
  const name = userName(uid);
  const owned = await stat(dataFolder).catch(() => null);
  if (owned !== null && owned.uid !== uid) {
    throw new FiberError(
      "POSTGRES_USER_UNUSABLE",
      `The database in ${dataFolder} belongs to user id ${owned.uid}, and you are ${name} (${uid}). ` +
        "Start as that user or as root, or set FIBER_STATE_DIR to a folder of your own.",
    );
  }
  return { name, uid, gid: process.getgid?.() ?? -1, switched: false };
}

function userName(uid: number): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new FiberError(
      "POSTGRES_USER_UNUSABLE",
      `User id ${uid} has no entry in /etc/passwd, and PostgreSQL does not start without a name ` +
        "for its user. Add an entry (in a container: useradd, or nss_wrapper), run as a user that " +
        "has one, or set FIBER_DATABASE_URL to a PostgreSQL of your own.",
      { cause },
    );
  }
}

async function lookUp(name: string): Promise<ServerOwner | null> {
  const uid = await runCommand(["id", "-u", name]);
  const gid = await runCommand(["id", "-g", name]);
  if (uid.exitCode !== 0 || gid.exitCode !== 0) return null;
  return { name, uid: Number(uid.stdout), gid: Number(gid.stdout), switched: true };
}

async function makeOwnUser(log: Logger): Promise<ServerOwner> {
  const made = await runCommand([
    "useradd",
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    "/nonexistent",
    "--shell",
    "/usr/sbin/nologin",
    OWN_USER,
  ]);
  const owner = await lookUp(OWN_USER);
  if (owner !== null) {
    log.info({ user: OWN_USER, uid: owner.uid }, "system user made for PostgreSQL");
    return owner;
  }
  throw new FiberError(
    "POSTGRES_USER_UNUSABLE",
    "PostgreSQL does not run as root, this machine has no user postgres, and the system user " +
      `${OWN_USER} could not be made (useradd: ${made.stderr || (made.startError ?? "failed")}). ` +
      "Make a system user named postgres, or start FiberStack as an ordinary user.",
  );
}
