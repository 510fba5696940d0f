import { cpSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createTestRepository, refuseForeignContainers, type TestRepository } from "#testkit";
import type { CommandText } from "./runbook-commands.js";
import { eventually, type Finished, run } from "./test-stack.js";

const ROOT = join(import.meta.dirname, "..");
const COMPOSE = ["-f", "fiber-deploy/docker-compose.dev.yml"];
const UP_MS = 20 * 60_000;

/** What /api/status answers, as far as the test looks. */
interface StatusBody {
  readonly status: string;
  readonly code?: string;
  readonly data: { readonly release: string; readonly migration: string | null };
}

/** A scratch clone of this product with a bare remote, and its containers. */
export interface RunbookStage {
  readonly repository: TestRepository;
  /** Runs a command of the runbook in the clone, with what an operator fills in. */
  command(text: CommandText, fill?: Readonly<Record<string, string>>): Promise<Finished>;
  /** The commands of the runbook that were run. */
  readonly ran: ReadonlySet<CommandText>;
  /** Runs anything else in the clone. */
  sh(command: string): Promise<Finished>;
  status(): Promise<{ readonly http: number; readonly body: StatusBody }>;
  /** Waits until the API serves what is checked out, edits included, and answers as expected. */
  awaitServed(status: "ok" | "down"): Promise<StatusBody>;
  /** Rows of SQL on the stack's database, as psql prints them. */
  rows(sql: string): Promise<readonly string[]>;
  /** Writes a file of the clone without committing it. */
  edit(path: string, change: (text: string) => string): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Makes the clone from this working tree, tagged v1.0.0-mvp on release/mvp, and builds its images.
 *
 * @throws Error when another stack has the names that the contracts fix
 */
export async function openRunbookStage(project: string): Promise<RunbookStage> {
  refuseForeignContainers(project);
  const repository = createTestRepository();
  const bin = mkdtempSync(join(tmpdir(), "fiber-open-"));
  const env = environment(project, bin);
  const shell = (command: string, timeoutMs?: number) =>
    run("sh", ["-c", command], {
      cwd: repository.folder,
      env,
      ...(timeoutMs ? { timeoutMs } : {}),
    });
  await copySources(repository.folder);
  repository.commit("Release v1.0.0-mvp", {});
  repository.git("tag", "-s", "v1.0.0-mvp", "-m", "v1.0.0-mvp");
  repository.git("push", "--quiet", "origin", "release/mvp", "v1.0.0-mvp");
  writeOpen(bin);

  const status: RunbookStage["status"] = async () => {
    const answer = await fetch("http://localhost:8000/api/status");
    return { http: answer.status, body: (await answer.json()) as StatusBody };
  };
  const ran = new Set<CommandText>();
  return {
    repository,
    ran,
    command: (text, fill = {}) => {
      ran.add(text);
      const filled = Object.entries(fill).reduce(
        (command, [name, value]) => command.replace(`<${name}>`, value),
        text as string,
      );
      return shell(filled, UP_MS);
    },
    sh: (command) => shell(command, UP_MS),
    status,
    awaitServed: (wanted) =>
      eventually(
        `${wanted} from what is checked out`,
        async () => {
          const digest = await digestOf(repository.folder);
          const { body } = await status();
          const found = `${body.data.release} ${body.status}: ${JSON.stringify(body)}`;
          if (body.data.release.endsWith(`+${digest.slice(0, 12)}`) && body.status === wanted) {
            return body;
          }
          throw new Error(`wanted ${digest.slice(0, 12)}, found ${found}`);
        },
        180_000,
      ),
    async rows(sql) {
      const psql = ["-h", "localhost", "-U", "postgres", "-d", "fiberstack", "-Atc", sql];
      const { code, stdout, stderr } = await run("psql", psql, { env });
      if (code !== 0) throw new Error(`psql: ${stderr}`);
      return stdout.split("\n").filter((line) => line !== "");
    },
    async edit(path, change) {
      const file = join(repository.folder, path);
      const { stdout } = await shell(`cat ${path} 2>/dev/null || true`);
      writeFileSync(file, change(stdout));
    },
    async remove() {
      await run("docker-compose", [...COMPOSE, "down", "--volumes", "--timeout", "5"], {
        cwd: repository.folder,
        env,
      });
      repository.remove();
      rmSync(bin, { recursive: true, force: true });
    },
  };
}

/** What is checked out, by the same rule as the image's. */
async function digestOf(folder: string): Promise<string> {
  const script = pathToFileURL(join(ROOT, "scripts", "container", "digests.mjs")).href;
  const digests = (await import(script)) as { digestsOf(root: string): { all: string } };
  return digests.digestsOf(folder).all;
}

/** The operator's own environment: their compose project, an editor that saves, a browser. */
function environment(project: string, bin: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FIBER_|VITEST)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    COMPOSE_PROJECT_NAME: project,
    GIT_EDITOR: "true",
    GIT_CONFIG_GLOBAL: "/dev/null",
    EXPECTED_NODES: "probe-gh-accra,probe-ng-lagos,probe-ke-nairobi",
  };
}

/** Every file of this working tree that git does not ignore, as it stands. */
export async function copySources(to: string): Promise<void> {
  const listed = await run("git", ["ls-files", "-coz", "--exclude-standard"], { cwd: ROOT });
  for (const path of listed.stdout.split("\0")) {
    const file = join(ROOT, path);
    // Neither what is deleted here and not committed yet, nor a link to packages elsewhere.
    if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(file, join(to, path));
  }
}

/** `open`, the one command that is replaced. */
function writeOpen(bin: string): void {
  const script = join(ROOT, "e2e", "open-in-chromium.ts");
  const text = `#!/bin/sh\ncd ${ROOT} && exec ${process.execPath} --import tsx ${script} "$@"\n`;
  writeFileSync(join(bin, "open"), text, { mode: 0o755 });
}
