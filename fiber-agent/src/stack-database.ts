import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  createPool,
  type DbPool,
  type EmbeddedPostgres,
  migrationRecordFile,
  type SchemaFit,
  schemaFit,
  startEmbeddedPostgres,
  upgrade,
} from "#db";
import { createReleaseStore, prepareWalArchive } from "#rollback";
import { projectOf } from "./hosted-release.js";
import type { HostedRelease } from "./role-spec.js";
import type { StackDatabase, StackOptions } from "./stack-state.js";

/**
 * Starts or reaches the database and brings its schema to what the release needs that is started.
 *
 * @param how.leaveSchema whether the schema stays as it is: a run is changing it
 * @throws FiberError of the embedded server, or SCHEMA_AHEAD / SCHEMA_INCONSISTENT
 */
export async function startStackDatabase(
  options: StackOptions,
  how: { readonly leaveSchema: boolean },
): Promise<StackDatabase> {
  const database = await (options.config.FIBER_DATABASE_URL === undefined
    ? embedded(options)
    : external(options, options.config.FIBER_DATABASE_URL));
  try {
    if (!how.leaveSchema) await fitSchema(database, options);
    return database;
  } catch (err) {
    await database.stop();
    throw err;
  }
}

async function embedded(options: StackOptions): Promise<StackDatabase> {
  const { config, paths, log, say } = options;
  const { stateDir } = paths;
  const settings = await prepareWalArchive(stateDir, log);
  const start = () =>
    startEmbeddedPostgres({ stateDir, port: config.FIBER_PG_PORT, log, settings });
  let server: EmbeddedPostgres = await start();
  let restarts = 0;
  let stopping = false;
  const pool = openPool(server.url("fiberstack"), options);
  const shown = `embedded PostgreSQL, port ${server.port}${server.adopted ? ", found running" : ""}`;
  return {
    url: server.url("fiberstack"),
    pool,
    shown,
    async keepAlive() {
      if (stopping || server.isAlive()) return;
      say("PostgreSQL ended by itself; starting it again");
      log.error({ serverPid: server.pid }, "PostgreSQL ended by itself");
      server = await start();
      restarts++;
      say("PostgreSQL is back");
    },
    async stop() {
      stopping = true;
      await pool.end();
      await server.stop();
    },
    status: () => ({
      shown,
      port: server.port,
      pid: server.pid,
      restarts,
      pgpass_file: server.pgpassFile,
    }),
  };
}

async function external(options: StackOptions, url: string): Promise<StackDatabase> {
  const pool = openPool(url, options);
  const { host, pathname } = new URL(url);
  const shown = `${host}${pathname} (FIBER_DATABASE_URL)`;
  return {
    url,
    pool,
    shown,
    keepAlive: async () => undefined,
    stop: () => pool.end(),
    status: () => ({ shown, port: null, pid: null, restarts: 0, pgpass_file: null }),
  };
}

function openPool(connectionString: string, { log }: StackOptions): DbPool {
  return createPool({
    connectionString,
    applicationName: "fiber-agent",
    max: 2,
    onError: (err) => log.warn({ err }, "idle database connection broke"),
  });
}

async function fitSchema(database: StackDatabase, options: StackOptions): Promise<void> {
  const { say, release, paths } = options;
  const folder = migrationsOf(release);
  const fit = await schemaFit(database.pool, folder === undefined ? {} : { folder });
  if (fit.kind === "behind") {
    const { held } = await upgrade({
      connectionString: database.url,
      release: release.tag,
      unlessHeld: true,
      recordFile: migrationRecordFile(paths.stateDir),
      onStep: ({ title }) => say(`upgrading the schema: ${title}`),
      ...(folder === undefined ? {} : { folder }),
    });
    if (held !== undefined) {
      say(
        `the schema is held at ${held.revision ?? "base"} (${held.reason}): not upgraded; the API ` +
          "answers 503 until: fiber migrate upgrade head",
      );
    }
  } else if (fit.kind !== "fits" && !(await wasProved(options, fit))) {
    const remedy = fit.message ?? `It is at ${fit.current}, this release needs ${fit.head}.`;
    throw new FiberError(
      fit.kind === "ahead" ? "SCHEMA_AHEAD" : "SCHEMA_INCONSISTENT",
      `The database's schema does not fit ${release.tag}. ${remedy}`,
    );
  }
}

/** The folder of a built release's migrations; undefined for a working tree: the product's own. */
function migrationsOf({ tree }: HostedRelease): string | undefined {
  if (tree === null) return undefined;
  const { migrations } = projectOf(tree);
  return migrations === null ? undefined : join(tree, migrations);
}

/** Whether a gate proved that the release works with this newer schema. */
async function wasProved({ release, paths }: StackOptions, fit: SchemaFit): Promise<boolean> {
  if (fit.kind !== "ahead" || release.tree === null) return false;
  const record = await createReleaseStore(paths.stateDir).read(release.tag);
  return record?.compatibleWith.some(({ head }) => head === fit.current) ?? false;
}
