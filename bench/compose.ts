import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Artefact, createComposeDriver, createGit, type DeployDriver } from "#rollback";
import { createTestRepository, refuseForeignContainers, type TestRepository } from "#testkit";
import { copySources } from "../e2e/runbook-stage.js";
import { eventually, run } from "../e2e/test-stack.js";
import { type Bench, type BenchRow, median } from "./bench.js";

const ROUNDS = 3;
const PRODUCTION = "fiber-deploy/docker-compose.yml";
const SERVICES = ["fiber-api", "fiber-etl", "fiber-dashboard"];
const PASSWORD = randomBytes(24).toString("hex");

/** The stack on containers: a rollback of code against the same by hand, a build, idle memory. */
export const composeBench: Bench = {
  name: "compose",
  about: `rollback on containers against docker-compose up -d by hand, ${ROUNDS} rounds`,
  async run(report) {
    refuseForeignContainers("none");
    const repository = createTestRepository();
    const root = mkdtempSync(join(tmpdir(), "fiber-bench-compose-"));
    try {
      const stage = await openStage(repository, root);
      report("the first image is built");
      const startedMs = performance.now();
      const next = await stage.release("v1.0.1");
      const buildS = (performance.now() - startedMs) / 1_000;
      report(`the next one took ${Math.round(buildS)} s`);
      const rows = await measureSwitches(stage, next, report);
      await stage.down();
      return [
        ...rows,
        {
          figure: "image of the next release, from a warm cache",
          value: buildS,
          unit: "s",
          bound: { atMost: 60 },
          detail: "one source file differs",
        },
        await measureMemory(repository, report),
      ];
    } finally {
      repository.remove();
      rmSync(root, { recursive: true, force: true });
    }
  },
};

/** An installation of the production shape with a first release. */
interface Stage {
  readonly driver: DeployDriver;
  readonly first: Artefact;
  readonly env: NodeJS.ProcessEnv;
  release(tag: string): Promise<Artefact>;
  compose(...args: readonly string[]): Promise<void>;
  down(): Promise<void>;
}

async function openStage(repository: TestRepository, root: string): Promise<Stage> {
  const stateDir = join(root, "state");
  const secrets = join(root, "env");
  mkdirSync(stateDir, { mode: 0o777 });
  mkdirSync(secrets);
  const url = `postgres://postgres:${PASSWORD}@fiber-db:5432/fiberstack`;
  writeFileSync(join(secrets, "postgres.env"), `POSTGRES_PASSWORD=${PASSWORD}\n`);
  writeFileSync(join(secrets, "nats.env"), `NATS_USER=fiber\nNATS_PASSWORD=${PASSWORD}\n`);
  writeFileSync(
    join(secrets, "fiber.env"),
    `FIBER_DATABASE_URL=${url}\nFIBER_NATS_URL=nats://fiber:${PASSWORD}@fiber-queue:4222\n`,
  );
  const settings = {
    FIBER_ENV_DIR: secrets,
    FIBER_STATE_DIR: stateDir,
    FIBER_UID: String(process.getuid?.() ?? 1000),
    FIBER_GID: String(process.getgid?.() ?? 1000),
  };
  await copySources(repository.folder);
  const driver = createComposeDriver({
    stateDir,
    git: createGit(repository.folder),
    env: settings,
  });
  const release = async (tag: string) => {
    const source = join(repository.folder, "fiber-api/src/read-status.ts");
    writeFileSync(source, `${readFileSync(source, "utf8")}\n// ${tag}\n`);
    const commit = repository.commit(`Release ${tag}`, {});
    repository.git("tag", tag);
    return driver.prepare(tag, commit, () => undefined);
  };
  const env = { ...process.env, ...settings };
  const compose = async (...args: readonly string[]) => {
    const base = ["-p", "fiberstack", "-f", join(repository.folder, PRODUCTION)];
    const done = await run("docker-compose", [...base, ...args], { env, timeoutMs: 600_000 });
    if (done.code !== 0) throw new Error(`docker-compose ${args.join(" ")}: ${done.stderr}`);
  };
  const first = await release("v1.0.0");
  return { driver, first, env, release, compose, down: () => compose("down", "--volumes") };
}

async function measureSwitches(
  stage: Stage,
  next: Artefact,
  report: (line: string) => void,
): Promise<readonly BenchRow[]> {
  const { driver, first } = stage;
  await driver.switchTo(first, { overlap: true });
  await inApi("alembic", "upgrade", "head");
  const token = (await inApi("fiber", "token", "issue", "--role", "viewer")).trim();
  const byHand: number[] = [];
  const byCommand: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    byCommand.push(await outage(token, () => driver.switchTo(next, { overlap: true })));
    byCommand.push(await outage(token, () => driver.switchTo(first, { overlap: true })));
    byHand.push(await outage(token, () => upByHand(stage, next)));
    byHand.push(await outage(token, () => upByHand(stage, first)));
    report(
      `round ${round}: ${Math.round(median(byCommand))} ms, by hand ${Math.round(median(byHand))} ms`,
    );
  }
  const [mine, hand] = [median(byCommand), median(byHand)];
  return [
    {
      figure: "time without reads, against docker-compose up -d by hand",
      value: mine / hand,
      unit: "×",
      bound: { atMost: 1.5 },
      detail: `${Math.round(mine)} ms against ${Math.round(hand)} ms`,
    },
  ];
}

/** What a person does: the other image's name, and `up -d` of the same services. */
async function upByHand(stage: Stage, { tag }: Artefact): Promise<void> {
  Object.assign(stage.env, { FIBER_IMAGE: `fiberstack-lite:${tag}`, FIBER_RELEASE: tag });
  await stage.compose("up", "-d", "--no-build", ...SERVICES);
  await eventually("the release by hand", async () => {
    const answer = await fetch("http://127.0.0.1:8000/api/status");
    const body = (await answer.json()) as { data?: { release: string } };
    return body.data?.release === tag;
  });
}

/** The longest time without a good answer while `work` is done, ms; read by a process of its own. */
async function outage(token: string, work: () => Promise<unknown>): Promise<number> {
  await eventually("good reads", async () => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch("http://127.0.0.1:8000/api/metrics", { headers })).status === 200;
  });
  const prober = startProber(token);
  await once(prober.stdout ?? prober, "data");
  await work();
  await sleep(5_000);
  const said = new Promise<string>((resolve) => {
    let text = "";
    prober.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    prober.once("close", () => resolve(text));
  });
  prober.kill("SIGTERM");
  return (JSON.parse(await said) as { longestOutageMs: number }).longestOutageMs;
}

function startProber(token: string): ChildProcess {
  const script = join(import.meta.dirname, "..", "e2e", "read-prober.ts");
  const args = ["--import", "tsx", script, "http://127.0.0.1:8000/api/metrics", token];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

async function inApi(...command: readonly string[]): Promise<string> {
  const done = await run("docker", ["exec", "fiber-api", ...command]);
  if (done.code !== 0) throw new Error(`${command.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

/** The development stack with its three probes, a minute after they report. */
async function measureMemory(
  repository: TestRepository,
  report: (line: string) => void,
): Promise<BenchRow> {
  const env = { ...process.env, COMPOSE_PROJECT_NAME: "fiber-bench" };
  const compose = (...args: readonly string[]) =>
    run("docker-compose", ["-f", "fiber-deploy/docker-compose.dev.yml", ...args], {
      ...{ cwd: repository.folder, env, timeoutMs: 900_000 },
    });
  try {
    const up = await compose("up", "-d", "--build");
    if (up.code !== 0) throw new Error(up.stderr);
    await eventually("three probes", async () => {
      const answer = await fetch("http://127.0.0.1:8000/api/metrics");
      return ((await answer.json()) as unknown[]).length === 3;
    });
    report("three probes report; waiting for a minute");
    await sleep(60_000);
    const { stdout } = await run("docker", ["stats", "--no-stream", "--format", "{{.MemUsage}}"]);
    const mb = stdout.split("\n").map((line) => megabytes(line.split("/")[0] ?? ""));
    return {
      figure: "idle memory of the whole stack, eight containers",
      value: mb.reduce((sum, one) => sum + one, 0),
      unit: "MB",
      bound: { atMost: 700 },
    };
  } finally {
    await compose("down", "--volumes");
  }
}

/** "85.4MiB" and its siblings in MB. */
function megabytes(text: string): number {
  const [, figure = "0", unit = "MiB"] = /([\d.]+)\s*(\wi?B)/.exec(text) ?? [];
  const factor = { B: 1e-6, KiB: 1.024e-3, MiB: 1.048576, GiB: 1_073.741824 }[unit] ?? 1;
  return Number(figure) * factor;
}
