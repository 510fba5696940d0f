import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "#runtime";
import { freePort, refuseForeignContainers } from "#testkit";
import { createProductClone, type ProductClone } from "./product-clone.js";
import { type Finished, run } from "./test-stack.js";

/** The probe that stands at the edge. */
export const EDGE_NODE = "probe-edge";
const COMPOSE = "fiber-deploy/docker-compose.yml";
const FIBER = join(packageRoot, "bin", "fiber.mjs");
const RUN_MS = 10 * 60_000;

/** The production stack on containers, from a clone of the product, with secrets of its own. */
export interface ComposeStage {
  readonly clone: ProductClone;
  readonly stateDir: string;
  readonly apiUrl: string;
  readonly databaseUrl: string;
  /** Commits, tags and pushes the first release, with this stage's names in its fiber.yaml. */
  releaseFirst(tag: string): void;
  /** Runs `fiber …` on the host, in the clone, as docs/containers.md says. */
  fiber(...args: readonly string[]): Promise<Finished>;
  /** Starts database and queue, which no release replaces. */
  startBase(): Promise<void>;
  /** Starts a probe, as a service of another machine is one. */
  startProbe(token: string): void;
  /** Ends every container, and removes volumes, images and folders. */
  remove(): Promise<void>;
}

/**
 * @param project names containers, volumes and images
 * @throws Error when another stack has the names that the compose file fixes
 */
export async function openComposeStage(project: string): Promise<ComposeStage> {
  refuseForeignContainers(project);
  const clone = createProductClone(60);
  const root = mkdtempSync(join(tmpdir(), "fiber-compose-"));
  const stateDir = join(root, "state");
  const ports = { api: await freePort(), dashboard: await freePort(), pg: await freePort() };
  const password = randomBytes(24).toString("hex");
  const databaseUrl = `postgres://postgres:${password}@localhost:${ports.pg}/fiberstack`;
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  mkdirSync(stateDir, { mode: 0o700 });
  writeSecrets(root, password);
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FIBER_|VITEST)/.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    NO_COLOR: "1",
    FIBER_DRIVER: "compose",
    FIBER_STATE_DIR: stateDir,
    FIBER_ENV_DIR: root,
    FIBER_UID: String(process.getuid?.() ?? 1000),
    FIBER_GID: String(process.getgid?.() ?? 1000),
    FIBER_API_PORT: String(ports.api),
    FIBER_DASHBOARD_PORT: String(ports.dashboard),
    FIBER_PG_PORT: String(ports.pg),
    FIBER_DATABASE_URL: databaseUrl,
    FIBER_PG_BIN: join(clone.folder, "fiber-deploy", "pg-bin"),
  };
  const at = { cwd: clone.folder, env, timeoutMs: RUN_MS };
  let probe: ChildProcess | null = null;
  const must = async (program: string, args: readonly string[]) => {
    const done = await run(program, args, at);
    if (done.code !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  const stack = ["--project-name", project, "--file", COMPOSE];

  return {
    ...{ clone, stateDir, apiUrl, databaseUrl },
    releaseFirst(tag) {
      const mine = (text: string) =>
        text
          .replace("  image: fiberstack-lite\n", `  image: ${project}\n`)
          .replace("  project: fiberstack\n", `  project: ${project}\n`);
      clone.release(tag, { "fiber.yaml": mine });
    },
    fiber: (...args) => run(process.execPath, [FIBER, ...args], at),
    async startBase() {
      await must("docker-compose", [...stack, "up", "-d", "fiber-db", "fiber-queue"]);
    },
    startProbe(token) {
      const config = join(root, "probe.yaml");
      writeFileSync(config, probeFile(apiUrl));
      probe = spawn(process.execPath, [FIBER, "probe", "--config", config], {
        env: { ...env, FIBER_PROBE_TOKEN: token },
        stdio: "ignore",
      });
    },
    async remove() {
      probe?.kill("SIGKILL");
      await run("docker-compose", [...stack, "down", "--volumes", "--timeout", "5"], at);
      const images = await must("docker", [
        "images",
        "--format",
        "{{.Repository}}:{{.Tag}}",
        project,
      ]);
      const names = images.split("\n").filter((name) => name !== "");
      if (names.length > 0) await must("docker", ["image", "rm", ...names]);
      clone.remove();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function writeSecrets(folder: string, password: string): void {
  const queue = randomBytes(24).toString("hex");
  const files = {
    "postgres.env": `POSTGRES_PASSWORD=${password}\n`,
    "nats.env": `NATS_USER=fiber\nNATS_PASSWORD=${queue}\n`,
    "fiber.env":
      `FIBER_DATABASE_URL=postgres://postgres:${password}@fiber-db:5432/fiberstack\n` +
      `FIBER_NATS_URL=nats://fiber:${queue}@fiber-queue:4222\n` +
      "FIBER_PUSH_PER_MIN=0\nFIBER_READS_PER_MIN=0\n",
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
}

function probeFile(apiUrl: string): string {
  return `node_id: ${EDGE_NODE}
country: GH
region: Accra
uplinks:
  - { url: ${apiUrl}, token_env: FIBER_PROBE_TOKEN }
interval: 2s
targets:
  - { host: ${apiUrl}/health, check: http, label: API, timeout: 1s, expect: { status: 200 } }
`;
}
