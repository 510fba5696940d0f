import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppHost, startAppHost } from "#agent";
import {
  commentDatabase,
  createPool,
  dropDatabase,
  listDatabases,
  openSession,
  type Session,
} from "#db";
import { createLogger, systemClock } from "#runtime";
import {
  createSampleApp,
  createTestDatabase,
  requireDocker,
  type SampleApp,
  type SampleVersion,
  type TestDatabase,
} from "#testkit";
import { listContainers } from "../drivers/compose/containers.js";
import { createDocker } from "../drivers/compose/docker.js";
import type { DeployDriver } from "../drivers/deploy-driver.js";
import { destroyTree } from "../drivers/process/frozen-tree.js";
import { urlOfDatabase } from "../pg-tools.js";
import type { ReleaseWorld } from "../rollback/release-world.js";
import { openSampleWorld } from "./open-sample-world.itest-kit.js";

/** The sample app's first schema: things to keep, and a fence. */
export const FIRST_MIGRATION = `-- kind: reversible: a test's first tables
-- up
CREATE TABLE things (name text PRIMARY KEY);
COMMENT ON TABLE things IS 'append: what the test keeps';
CREATE TABLE ingest_fence (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  reason     text NOT NULL,
  raised_by  text NOT NULL,
  raised_at  timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
COMMENT ON TABLE ingest_fence IS 'control: a row means ingest is refused until it expires';
-- down
DROP TABLE ingest_fence;
DROP TABLE things;
`;

/** A migration of the sample app in our format. */
export function migration(up: string, down: string, kind = "reversible: a test's"): string {
  return `-- kind: ${kind}\n-- up\n${up}\n-- down\n${down}\n`;
}

/** The sample app installed: state folder, supervisor, and a database where it has one. */
export interface SampleWorld {
  readonly app: SampleApp;
  readonly stateDir: string;
  readonly database: TestDatabase | null;
  readonly world: ReleaseWorld;
  /** What the reporter was asked for. */
  readonly reported: readonly string[];
  release(tag: string, version?: SampleVersion): string;
  startHost(): Promise<void>;
  stopHost(): Promise<void>;
  /** What GET /health says; null while nothing answers with 200. */
  health(): Promise<{ readonly version: string; readonly pid: number } | null>;
  /** Names of `things`, in order. */
  things(): Promise<readonly string[]>;
  /** Keeps state folder and database as they are now under a name, for runs that each begin alike. */
  keep(name: string): Promise<void>;
  /** Brings back what was kept; whatever else there is of both is gone. */
  bringBack(name: string): Promise<void>;
  /** Fences that stand in the live database. */
  standingFences(): Promise<number>;
  /** How many databases belong to the live one: quarantines, and what was restored beside. */
  databases(): Promise<number>;
  remove(): Promise<void>;
}

/** What the sample app can be released by on this machine. */
export const SAMPLE_DRIVERS: readonly DeployDriver["kind"][] = requireDocker()
  ? ["process", "compose"]
  : ["process"];

/** Makes an installation of the sample app that runs nothing yet. */
export async function createSampleWorld(
  options: {
    readonly database?: boolean;
    readonly withinS?: number;
    /** An empty database of another server, and the state folder where its WAL is archived. */
    readonly on?: { readonly url: string; readonly stateDir: string };
    /** By processes under a supervisor, the default, or on containers of this machine's engine. */
    readonly driver?: DeployDriver["kind"];
  } = {},
): Promise<SampleWorld> {
  const { on, database: wanted = on !== undefined, withinS = 3, driver = "process" } = options;
  const app = await createSampleApp({ migrations: wanted, startS: 10, withinS });
  const database = !wanted
    ? null
    : on === undefined
      ? await createTestDatabase({ template: null })
      : openDatabase(on.url);
  const root = mkdtempSync(join(tmpdir(), "fiber-sample-"));
  const stateDir = on?.stateDir ?? join(root, "state");
  const log = createLogger({ role: "test", level: "silent" });
  let host: AppHost | null = null;
  const startHost = async () => {
    if (driver === "compose") return;
    host ??= await startAppHost({
      ...{ stateDir, log, clock: systemClock, say: () => undefined },
      ...(database === null ? {} : { databaseUrl: database.url }),
    });
  };
  const stopHost = async () => {
    await host?.stop();
    host = null;
  };
  await startHost();
  const reported: string[] = [];
  const world = openSampleWorld({
    ...{ stateDir, repository: app.repository.folder, databaseUrl: database?.url ?? null, driver },
    report: (id) => reported.push(id),
  });
  return {
    ...{ app, stateDir, database, world, reported, startHost, stopHost },
    release: (tag, version) => app.release(tag, version),
    async health() {
      try {
        const answer = await fetch(`${app.url}/health`, { signal: AbortSignal.timeout(2_000) });
        if (answer.status !== 200) return null;
        return (await answer.json()) as { version: string; pid: number };
      } catch {
        return null;
      }
    },
    async things() {
      const found = await database?.pool.query<{ name: string }>(
        "SELECT name FROM things ORDER BY name",
      );
      return found?.rows.map((row) => row.name) ?? [];
    },
    async keep(name) {
      await stopHost();
      const kept = `${stateDir}.${name}`;
      await destroyTree(kept);
      cpSync(stateDir, kept, { recursive: true, verbatimSymlinks: true });
      if (database !== null) {
        await onServer(database, (admin, live) =>
          replaceDatabases(admin, { from: live, to: keptName(live, name) }),
        );
      }
      await startHost();
    },
    async bringBack(name) {
      await stopHost();
      await destroyTree(stateDir);
      cpSync(`${stateDir}.${name}`, stateDir, { recursive: true, verbatimSymlinks: true });
      if (database !== null) {
        await onServer(database, (admin, live) =>
          replaceDatabases(admin, { from: keptName(live, name), to: live }),
        );
      }
      await startHost();
    },
    async standingFences() {
      const found = await database?.pool.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM ingest_fence WHERE expires_at > now()",
      );
      return found?.rows[0]?.n ?? 0;
    },
    databases: () =>
      onServer(database, async (admin, name) => (await listDatabases(admin, name)).length),
    async remove() {
      await stopHost();
      if (driver === "compose") await removeContainers(`fiber-sample-${app.port}`);
      if (database !== null) await dropDatabases(database);
      await destroyTree(root);
      app.remove();
    },
  };
}

/** A database that goes with its server. */
function openDatabase(url: string): TestDatabase {
  const pool = createPool({
    connectionString: url,
    applicationName: "fiber-test",
    // A swap ends sessions on purpose; what matters fails in its own query.
    onError: () => undefined,
  });
  return { url, pool, drop: () => pool.end() };
}

const keptName = (live: string, name: string) => `kept_${name}_${live}`;

/** Drops what a run left beside the database: quarantines, and what was restored. */
async function dropOthers(admin: Session, live: string): Promise<void> {
  for (const found of await listDatabases(admin, live)) {
    if (found.name !== live) await dropDatabase(admin, found.name);
  }
}

/** What was kept, and what a run left, goes with the database itself. */
async function dropDatabases(database: TestDatabase): Promise<void> {
  await onServer(database, async (admin, live) => {
    await dropOthers(admin, live);
    for (const { name } of await listDatabases(admin, "kept")) {
      if (name.includes(`_${live}`)) await dropDatabase(admin, name);
    }
  });
  await database.drop();
}

async function onServer<T>(
  database: TestDatabase | null,
  work: (admin: Session, name: string) => Promise<T>,
): Promise<T> {
  if (database === null) throw new Error("this sample has no database");
  const admin = await openSession(urlOfDatabase(database.url, "postgres"));
  try {
    return await work(admin, new URL(database.url).pathname.slice(1));
  } finally {
    await admin.close();
  }
}

/** Makes `to` a copy of `from`, with the quarantines beside it and the notes on them. */
async function replaceDatabases(
  admin: Session,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  await dropOthers(admin, to);
  for (const { name, comment } of await listDatabases(admin, from)) {
    const copy = `${to}${name.slice(from.length)}`;
    await copyDatabase(admin, name, copy);
    await commentDatabase(admin, copy, comment);
  }
}

/** Makes `to` a copy of `from`; sessions of both are ended. */
async function copyDatabase(admin: Session, from: string, to: string): Promise<void> {
  await admin.query(`DROP DATABASE IF EXISTS ${to} WITH (FORCE)`);
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${from}'`,
  );
  await admin.query(`CREATE DATABASE ${to} TEMPLATE ${from}`);
}

/** The containers and the images of a sample app, which has its own project and its own name. */
async function removeContainers(project: string): Promise<void> {
  const docker = createDocker();
  const ids = (await listContainers(docker, project)).map((one) => one.id);
  if (ids.length > 0) await docker.must("rm", "--force", "--volumes", ...ids);
  const images = await docker.must("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", project);
  const names = images.split("\n").filter((name) => name !== "");
  if (names.length > 0) await docker.must("image", "rm", "--force", ...names);
}
