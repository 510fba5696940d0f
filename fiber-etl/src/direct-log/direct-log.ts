import type { IngestLog } from "#contracts";
import { type Clock, type Logger, systemClock } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import { createWriter } from "../writer/create-writer.js";
import { rowsOf } from "../writer/rows.js";

/** How to open a {@link createDirectLog direct log}. */
export interface DirectLogOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * The IngestLog that commits to PostgreSQL from this process, by a writer of its own: appends are
 * answered when their commit has. An append that the database itself refuses rejects with
 * FiberError INVALID_SAMPLE, without harm to its neighbours.
 */
export function createDirectLog(options: DirectLogOptions): IngestLog {
  const { config, log, clock = systemClock } = options;
  const writer = createWriter({ config, log, clock, name: "fiber-ingest", notesApplied: false });
  return {
    append: (samples, trace) =>
      writer.append({ rows: rowsOf(samples), traces: [trace], mark: null }),
    status: () => ({ log: "direct", ...writer.status() }),
    close: () => writer.close(),
  };
}
