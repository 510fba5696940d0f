import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.js";

/** A PostgreSQL in a container of one test's own, on a volume of its own. */
export interface PostgresContainer {
  /** Database `fiberstack`, without a password. */
  readonly url: string;
  /** `docker kill`: SIGKILL for the whole server. */
  kill(): void;
  /** `docker start`, and waits until it answers. */
  start(): Promise<void>;
  /** Runs a shell command in the folder of the data, also while the server is down. */
  inVolume(command: string): void;
  remove(): void;
}

const IMAGE = "postgres:15-bookworm";
let made = 0;

/**
 * Starts `postgres:15-bookworm` on a free port of loopback.
 *
 * @param options.volumeMb the volume holds no more than this, in memory; without it is on disk
 */
export async function startPostgresContainer(
  options: { readonly volumeMb?: number } = {},
): Promise<PostgresContainer> {
  const name = `fiber-test-db-${process.pid}-${made++}`;
  const port = await freePort();
  const { volumeMb } = options;
  const limits =
    volumeMb === undefined
      ? []
      : ["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", `o=size=${volumeMb}m`];
  docker("volume", "create", ...limits, name);
  const where = [
    "--publish",
    `127.0.0.1:${port}:5432`,
    "--volume",
    `${name}:/var/lib/postgresql/data`,
  ];
  const env = ["--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--env", "POSTGRES_DB=fiberstack"];
  // It keeps a volume in memory alive while the server is down.
  const keeper = ["--volume", `${name}:/volume`, "--workdir", "/volume", "--entrypoint", "sleep"];
  const remove = () => {
    docker("rm", "--force", "--volumes", name, `${name}-volume`);
    docker("volume", "rm", "--force", name);
  };
  const exec = (command: string) => docker("exec", name, "sh", "-c", command);
  const ready = async () => {
    for (let tries = 0; tries < 300; tries++) {
      try {
        // Over TCP: during its first start the server listens on its socket only.
        exec("pg_isready -q -h 127.0.0.1 -U postgres -d fiberstack");
        return;
      } catch {
        await sleep(200);
      }
    }
    throw new Error(`${name} does not answer:\n${docker("logs", "--tail", "20", name)}`);
  };
  try {
    docker("run", "--detach", "--name", `${name}-volume`, ...keeper, IMAGE, "infinity");
    docker("run", "--detach", "--name", name, ...where, ...env, IMAGE);
    await ready();
  } catch (err) {
    remove();
    throw err;
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/fiberstack`,
    kill: () => void docker("kill", name),
    async start() {
      docker("start", name);
      await ready();
    },
    inVolume: (command) => void docker("exec", `${name}-volume`, "sh", "-c", command),
    remove,
  };
}

function docker(...args: readonly string[]): string {
  return execFileSync("docker", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
