import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FiberError } from "#contracts";
import { type Logger, mustRun, type RunOptions, runCommand } from "#runtime";
import type { Binaries } from "./binaries.js";
import type { ServerOwner } from "./owner.js";
import { isAlive } from "./processes.js";
import { settingsFile } from "./settings.js";

/** Everything that is needed to run the programs of one cluster. */
export interface Cluster {
  readonly binaries: Binaries;
  readonly owner: ServerOwner;
  /** `<state>/postgres`, 0700, the owner's. */
  readonly folder: string;
  /** The data directory inside it. */
  readonly data: string;
  readonly log: Logger;
}

/** The data directory of a state folder's cluster. */
export function dataFolder(stateDir: string): string {
  return join(stateDir, "postgres", "data");
}

/** How to run a PostgreSQL program as the cluster's owner, out of reach of our Ctrl-C. */
export function asOwner(
  owner: ServerOwner,
  folder: string,
): Pick<RunOptions, "cwd" | "env" | "uid" | "gid" | "detached"> {
  return {
    cwd: folder,
    env: { LC_ALL: "C" },
    detached: true,
    ...(owner.switched ? { uid: owner.uid, gid: owner.gid } : {}),
  };
}

/**
 * Makes the server's folder inside the state folder and sees to it that the owner can reach it.
 *
 * @throws FiberError STATE_FOLDER_UNUSABLE naming the folder that stands in the way
 */
export async function makeServerFolder(stateDir: string, owner: ServerOwner): Promise<string> {
  const folder = join(stateDir, "postgres");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!owner.switched) return folder;
  await chown(folder, owner.uid, owner.gid);
  await letPass(stateDir);
  for (const step of ancestors(folder)) {
    const passed = await runCommand(["test", "-x", step], {
      cwd: "/",
      uid: owner.uid,
      gid: owner.gid,
    });
    if (passed.exitCode === 0) continue;
    throw new FiberError(
      "STATE_FOLDER_UNUSABLE",
      `PostgreSQL runs as ${owner.name}, who may not pass through ${step} on the way to ${folder}. ` +
        `Run chmod o+x ${step}, or point FIBER_STATE_DIR at a folder that all may pass through, ` +
        "such as /var/lib/fiberstack.",
    );
  }
  return folder;
}

/**
 * Makes the cluster when there is none, and says whether it did. It is built under another name and then renamed, so that
 * a killed initdb is never taken for a cluster.
 *
 * @throws FiberError COMMAND_FAILED when initdb fails, DATABASE_VERSION for another major version
 */
export async function ensureCluster(cluster: Cluster, password: string): Promise<boolean> {
  await removeUnfinished(cluster.folder);
  const version = await clusterVersion(cluster.data);
  if (version === null) {
    await initialise(cluster, password);
    return true;
  }
  if (version !== cluster.binaries.major) {
    throw new FiberError(
      "DATABASE_VERSION",
      `The database in ${cluster.data} was made by PostgreSQL ${version}, this release brings ` +
        `${cluster.binaries.major}. Start the release that made it and dump its data first, or ` +
        "point FIBER_STATE_DIR at an empty folder.",
    );
  }
  return false;
}

/** Writes the settings the server reads at start and reload. */
export async function writeSettings(
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const path = join(cluster.data, "fiber.conf");
  await writeFile(path, settingsFile(settings), { mode: 0o600 });
  if (cluster.owner.switched) await chown(path, cluster.owner.uid, cluster.owner.gid);
}

/** The cluster's own identifier, from its control file; a decimal number as PostgreSQL prints it. */
export async function clusterIdentifier(data: string): Promise<string> {
  const control = await readFile(join(data, "global", "pg_control"));
  return control.readBigUInt64LE(0).toString();
}

async function clusterVersion(data: string): Promise<string | null> {
  const text = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => null);
  return text === null ? null : text.trim();
}

async function initialise(cluster: Cluster, password: string): Promise<void> {
  const unfinished = join(cluster.folder, `data.initdb-${process.pid}`);
  const passwordFile = join(cluster.folder, `password.initdb-${process.pid}`);
  const as = asOwner(cluster.owner, cluster.folder);
  try {
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (cluster.owner.switched) await chown(passwordFile, cluster.owner.uid, cluster.owner.gid);
    await mustRun(
      [
        join(cluster.binaries.folder, "bin", "initdb"),
        `--pgdata=${unfinished}`,
        "--username=postgres",
        `--pwfile=${passwordFile}`,
        "--encoding=UTF8",
        "--locale=C",
        "--auth=scram-sha-256",
        "--data-checksums",
      ],
      as,
    );
    const main = join(unfinished, "postgresql.conf");
    await writeFile(main, "\ninclude_if_exists = 'fiber.conf'\n", { flag: "a" });
    await rename(unfinished, cluster.data);
    cluster.log.info({ folder: cluster.data, user: cluster.owner.name }, "database cluster made");
  } finally {
    await rm(passwordFile, { force: true });
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function removeUnfinished(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const pid = Number(/\.(?:initdb|copying)-(\d+)$/.exec(entry)?.[1]);
    if (Number.isInteger(pid) && pid !== process.pid && !isAlive(pid)) {
      await rm(join(folder, entry), { recursive: true, force: true });
    }
  }
}

async function letPass(stateDir: string): Promise<void> {
  const { mode, uid } = await stat(stateDir);
  if ((mode & 0o001) === 0 && uid === process.getuid?.()) {
    await mustRun(["chmod", "o+x", stateDir]);
  }
}

function ancestors(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [...ancestors(parent), folder];
}
