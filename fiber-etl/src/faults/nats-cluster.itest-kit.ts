import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "#testkit";
import { findNatsServer } from "../nats-server/find-nats-server.js";

/** Three nats-servers that hold each message together. */
export interface NatsCluster {
  /** All three, separated by commas. */
  readonly url: string;
  /** A server's machine is lost: SIGKILL, and everything on its disk is gone. */
  lose(name: string): Promise<void>;
  remove(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly port: number;
  readonly route: number;
}

/** Ends the servers and removes the folder when we are gone, however we went. */
const JANITOR =
  'cat >/dev/null; for f in "$1"/*.pid; do kill -9 "$(cat "$f")" 2>/dev/null; done; sleep 0.2; rm -rf "$1"';

/** Starts a cluster of three on free ports. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const { path } = await findNatsServer();
  const folder = mkdtempSync(join(tmpdir(), "fiber-cluster-"));
  const members: Member[] = [];
  for (const name of ["one", "two", "three"]) {
    members.push({ name, port: await freePort(), route: await freePort() });
  }
  const children = new Map<string, ChildProcess>();
  const janitor = spawn("sh", ["-c", JANITOR, "fiber-janitor", folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  janitor.unref();

  function start(name: string): void {
    const config = join(folder, `${name}.conf`);
    children.set(name, spawn(path, ["-c", config], { stdio: "ignore" }));
  }

  async function kill(name: string): Promise<void> {
    const child = children.get(name);
    children.delete(name);
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  for (const member of members) {
    writeFileSync(join(folder, `${member.name}.conf`), configOf(member, members, folder));
    start(member.name);
  }
  return {
    url: members.map(({ port }) => `nats://127.0.0.1:${port}`).join(","),
    async lose(name) {
      await kill(name);
      rmSync(join(folder, name), { recursive: true, force: true });
    },
    async remove() {
      for (const { name } of members) await kill(name);
      const gone = once(janitor, "exit");
      janitor.ref();
      janitor.stdin.end();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configOf({ name, port, route }: Member, all: readonly Member[], folder: string): string {
  const routes = all.map((member) => `"nats://127.0.0.1:${member.route}"`).join(", ");
  return `server_name: ${name}
listen: "127.0.0.1:${port}"
pid_file: ${JSON.stringify(join(folder, `${name}.pid`))}
jetstream { store_dir: ${JSON.stringify(join(folder, name))}, max_file_store: 512MB }
cluster { name: fiber, listen: "127.0.0.1:${route}", routes: [${routes}] }
`;
}
