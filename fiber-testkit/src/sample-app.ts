import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { freePort } from "./free-port.js";
import { createTestRepository, type TestRepository } from "./git-repository.js";
import {
  SAMPLE_BUILD,
  SAMPLE_DOCKERFILE,
  SAMPLE_SERVER,
  SAMPLE_SMOKE,
  sampleComposeFile,
} from "./sample-app-files.js";

/** How a version of the sample app is broken on purpose. */
export type Breakage =
  /** Its build command fails. */
  | "build-fails"
  /** It exits before it listens. */
  | "crash"
  /** It never says that it is warm or ready. */
  | "hangs"
  /** It starts, serves, and exits after `diesAfterMs`. */
  | "dies"
  /** It starts and answers every request with 500. */
  | "answers-500"
  /** It works, but does not know deferred listen, as releases of before did. */
  | "old";

/** One version of the sample app. */
export interface SampleVersion {
  readonly breakage?: Breakage;
  /** For the breakage "dies"; 2,000 by default. */
  readonly diesAfterMs?: number;
  /** Files under migrations/, in our format; kept by later versions until `null` removes them. */
  readonly migrations?: Readonly<Record<string, string | null>>;
  /** What its smoke test asks the database; `SELECT 1` by default. */
  readonly smokeSql?: string;
  /** More files of the tree. */
  readonly files?: Readonly<Record<string, string>>;
  /** False for a tag without a signature. */
  readonly sign?: boolean;
}

/** A tiny product in a git repository of its own, released by tags: one HTTP role named "web". */
export interface SampleApp {
  readonly repository: TestRepository;
  /** Where every version listens: GET /health tells the version, GET and POST /things use the database. */
  readonly port: number;
  readonly url: string;
  /** Commits a version, tags it and pushes both; returns the commit. */
  release(tag: string, version?: SampleVersion): string;
  remove(): void;
}

/**
 * Makes the sample app without any tag.
 *
 * @param options.migrations whether fiber.yaml names a folder of migrations; false by default
 * @param options.startS how long a version may take to be ready, in seconds
 */
export async function createSampleApp(
  options: {
    readonly migrations?: boolean;
    readonly startS?: number;
    /** How long verification may wait, in seconds. */
    readonly withinS?: number;
  } = {},
): Promise<SampleApp> {
  const port = await freePort();
  const repository = createTestRepository();
  const url = `http://127.0.0.1:${port}`;
  const { migrations = false, startS = 20, withinS = 10 } = options;
  repository.commit("Make the sample app", {
    "fiber.yaml": projectFile({ port, migrations, startS, withinS }),
    "server.mjs": SAMPLE_SERVER,
    "build.mjs": SAMPLE_BUILD,
    "smoke.mjs": SAMPLE_SMOKE,
    ".gitignore": "dist/\n",
    Dockerfile: SAMPLE_DOCKERFILE,
    ".dockerignore": ".git\n",
    "docker-compose.yml": sampleComposeFile(port, packagesFolder()),
    ...(migrations ? { "migrations/.gitkeep": "" } : {}),
  });
  return {
    repository,
    port,
    url,
    release(tag, version = {}) {
      for (const [name, text] of Object.entries(version.migrations ?? {})) {
        if (text === null) repository.git("rm", "--quiet", `migrations/${name}`);
      }
      const commit = repository.commit(`Release ${tag}`, {
        "app.json": appFile(tag, version),
        ...kept(version.migrations),
        ...version.files,
      });
      const signed = version.sign === false ? "--annotate" : "--sign";
      repository.git("tag", signed, `--message=${tag}`, tag, commit);
      repository.git("push", "--quiet", "origin", "release/mvp", tag);
      return commit;
    },
    remove: () => repository.remove(),
  };
}

function kept(migrations: SampleVersion["migrations"] = {}): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(migrations)) {
    if (text !== null) files[`migrations/${name}`] = text;
  }
  return files;
}

const pgFile = () => createRequire(import.meta.url).resolve("pg");

function packagesFolder(): string {
  const file = pgFile();
  return file.slice(0, file.lastIndexOf("/node_modules/") + "/node_modules".length);
}

function appFile(version: string, { breakage, diesAfterMs, smokeSql }: SampleVersion): string {
  const pg = pathToFileURL(pgFile()).href;
  return JSON.stringify({
    version,
    breakage: breakage ?? null,
    dies_after_ms: diesAfterMs ?? 2_000,
    smoke_sql: smokeSql ?? "SELECT 1",
    pg,
  });
}

function projectFile(facts: {
  port: number;
  migrations: boolean;
  startS: number;
  withinS: number;
}): string {
  const { port, migrations, startS, withinS } = facts;
  return `format: 1
name: sample
branch: release/mvp
build:
  - node build.mjs
migrations: ${migrations ? "migrations" : "null"}
gates:
  - { id: sound, title: The server is there, run: test -s server.mjs }
roles:
  - { name: web, run: node dist/server.mjs, env: { PORT: "${port}" }, switch: deferred, writer: true, start_s: ${startS} }
compose: { image: fiber-sample-${port}, project: fiber-sample-${port}, services: [web], writers: [web], smoke: ${migrations ? "node smoke.mjs" : "null"} }
smoke: ${migrations ? "node smoke.mjs" : "null"}
verify:
  - id: health
    title: The app answers as the expected version
    kind: http
    url: http://127.0.0.1:${port}/health
    expect: { contains: '"version":"\${FIBER_RELEASE}"' }
    within_s: ${withinS}
backup: { before_deploy: ${migrations} }
contacts:
  - { role: Project Lead, contact: lead@example.net }
`;
}
