import type { IngestLog, StatusView } from "#contracts";
import {
  countProbes,
  type Db,
  isConnectionError,
  openMaintenanceWindow,
  readFence,
  schemaFit,
} from "#db";
import type { Clock, Logger } from "#runtime";
import { findQueueConcern, queueView } from "./queue-status.js";
import { toMaintenanceView } from "./views/maintenance-view.js";

/** What the status is read from. */
export interface StatusDeps {
  readonly db: Db;
  readonly ingestLog: IngestLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly release: string;
  /** Newer revisions of the schema that this release was proved to work with. */
  readonly schemaCompatible: readonly string[];
}

/** Reads the status; answers of the last second are shared. */
export interface StatusReader {
  read(): Promise<StatusView>;
  /** Forgets the last answer. */
  clear(): void;
}

const KEPT_MS = 1_000;
const LAG_LIMIT_S = 30;

type Facts = Pick<StatusView["data"], "migration" | "database" | "probes" | "maintenance"> & {
  readonly code?: string;
  readonly message?: string;
  readonly fence?: string;
};

const REMEDY = {
  behind: ["schema_behind", "SCHEMA_BEHIND", "run: fiber migrate upgrade head"],
  ahead: [
    "schema_ahead",
    "SCHEMA_AHEAD",
    "run a release that knows it, or: fiber migrate downgrade",
  ],
  inconsistent: [
    "schema_inconsistent",
    "SCHEMA_INCONSISTENT",
    "run: fiber migrate check; restore with: fiber restore",
  ],
} as const;

/** Makes the reader of GET /api/status. A database that is away is an answer, not an error. */
export function createStatusReader(deps: StatusDeps): StatusReader {
  const startedMs = deps.clock.now();
  let last: { readonly atMs: number; readonly facts: Promise<Facts> } | null = null;

  function facts(): Promise<Facts> {
    const nowMs = deps.clock.now();
    if (last === null || nowMs - last.atMs >= KEPT_MS || nowMs < last.atMs) {
      last = { atMs: nowMs, facts: readFacts(deps) };
    }
    return last.facts;
  }

  return {
    read: async () => judge(await facts(), deps, (deps.clock.now() - startedMs) / 1000),
    clear: () => {
      last = null;
    },
  };
}

async function readFacts({ db, log, clock, schemaCompatible }: StatusDeps): Promise<Facts> {
  const unknown = { migration: null, probes: { expected: 0, reporting: 0 }, maintenance: null };
  try {
    const fit = await schemaFit(db);
    const proved = fit.kind === "ahead" && schemaCompatible.includes(fit.current ?? "");
    if (fit.kind !== "fits" && !proved) {
      const [database, code, remedy] = REMEDY[fit.kind];
      const message =
        fit.message ??
        `The schema is at ${fit.current ?? "base"}, this release needs ${fit.head}; ${remedy}`;
      return { ...unknown, migration: fit.current, database, code, message };
    }
    const [probes, fence, open] = await Promise.all([
      countProbes(db),
      readFence(db),
      openMaintenanceWindow(db),
    ]);
    const maintenance = open === null ? null : toMaintenanceView(open, clock.now());
    const facts = { migration: fit.current, database: "ok" as const, probes, maintenance };
    return fence === null
      ? facts
      : { ...facts, fence: `Ingest is fenced by ${fence.raisedBy}: ${fence.reason}` };
  } catch (err) {
    if (!isConnectionError(err)) log.error({ err }, "status cannot be read");
    return {
      ...unknown,
      database: "unreachable",
      code: "DATABASE_UNAVAILABLE",
      message: isConnectionError(err)
        ? "The database cannot be reached; check that PostgreSQL runs and FIBER_DATABASE_URL"
        : "The database does not answer as it should; the log says why",
    };
  }
}

function judge(facts: Facts, deps: StatusDeps, uptimeS: number): StatusView {
  const ingest = deps.ingestLog.status();
  const data = {
    release: deps.release,
    migration: facts.migration,
    database: facts.database,
    ingest: {
      log: ingest.log,
      lag_s: ingest.lagS,
      depth: ingest.depth,
      fenced: ingest.fenced || facts.fence !== undefined,
      ...(ingest.queue === undefined ? {} : { queue: queueView(ingest.queue) }),
    },
    probes: facts.probes,
    maintenance: facts.maintenance,
    uptime_s: Math.round(uptimeS * 10) / 10,
  };
  if (facts.code !== undefined) {
    return { status: "down", code: facts.code, message: facts.message ?? "", data };
  }
  const concern = findConcern(data, facts.fence);
  return concern === null ? { status: "ok", data } : { status: "degraded", ...concern, data };
}

function findConcern(
  data: StatusView["data"],
  fence: string | undefined,
): { code: string; message: string } | null {
  if (data.ingest.fenced) {
    return {
      code: "INGEST_FENCED",
      message: fence ?? "Ingest is fenced; probes keep their samples",
    };
  }
  const troubled = findQueueConcern(data.ingest.queue);
  if (troubled !== null) return troubled;
  if (data.ingest.lag_s > LAG_LIMIT_S) {
    return {
      code: "INGEST_LAGS",
      message: `The oldest sample waits for ${Math.round(data.ingest.lag_s)} s to be stored`,
    };
  }
  const silent = data.probes.expected - data.probes.reporting;
  if (silent > 0) {
    return {
      code: "PROBES_SILENT",
      message: `${silent} of ${data.probes.expected} probes are silent`,
    };
  }
  return null;
}
