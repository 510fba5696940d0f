import type pg from "pg";
import { columnArrays } from "./column-arrays.js";
import { COPY_END, copyHead, parseMessage, runWithBinary, runWithTexts, SYNC } from "./messages.js";
import { SAMPLE_COLUMNS } from "./row-buffer.js";
import { classifyWriteError, type WriteOutcome } from "./write-outcome.js";

/** Whole rows as RowBuffer wrote them, and the closed hours that they reach into. */
export interface RowsToWrite {
  readonly rows: Buffer;
  readonly count: number;
  readonly marks: readonly RollupMark[];
  /** Messages of an ingest log that the rows came in; noted in the same transaction. */
  readonly applied?: readonly AppliedRange[];
}

/** A bucket whose rollup must be computed again; `bucketMs` is its start in epoch ms, UTC. */
export interface RollupMark {
  readonly width: "hourly" | "daily";
  readonly bucketMs: number;
}

/** Messages of an ingest log, both ends included; `lastAtMs` is when the log took the last one. */
export interface AppliedRange {
  readonly stream: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastAtMs: number;
}

/** Writes rows over one connection; one write at a time, each its own transaction. */
export interface SampleWriter {
  /** Straight binary COPY: the fastest, but a single known row fails it (`duplicate`). */
  copy(write: RowsToWrite): Promise<WriteOutcome>;
  /** `unnest … ON CONFLICT DO NOTHING`: known rows are left as they are. */
  insert(write: RowsToWrite): Promise<WriteOutcome>;
}

const columns = SAMPLE_COLUMNS.join(", ");
const arrays = ["timestamptz", "int4", ...Array(6).fill("float8"), "int2", "int2", "jsonb"]
  .map((type, index) => `$${index + 1}::${type}[]`)
  .join(", ");

/**
 * First statement of every write: fails with 22012 while ingest is fenced and with 2201F when the
 * `series` table is not the one that the caller's ids come from (dropped, restored). It runs in
 * the write's own transaction, so neither can slip in between: FOR KEY SHARE takes a ROW SHARE
 * lock on the table before the snapshot and keeps it until the commit, and raising a fence waits
 * for it (raise-fence.ts).
 */
const GUARD = `
  SELECT 1 / (CASE WHEN EXISTS (SELECT FROM ingest_fence WHERE expires_at > clock_timestamp()
                                 FOR KEY SHARE)
              THEN 0 ELSE 1 END),
         sqrt(CASE WHEN to_regclass('series')::oid = $1::oid THEN 0 ELSE -1 END)`;
const COPY = `COPY samples (${columns}) FROM STDIN (FORMAT binary)`;
const INSERT = `INSERT INTO samples (${columns}) SELECT * FROM unnest(${arrays}) ON CONFLICT DO NOTHING`;
const APPLY = `
  INSERT INTO ingest_applied (stream, first_seq, last_seq, last_at)
  SELECT stream, first, last, to_timestamp(seconds)
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[])
      AS applied (stream, first, last, seconds)`;
/** Last statement, so that its row locks are held for the commit only; sorted against deadlocks. */
const MARK = `
  INSERT INTO rollup_due (width, bucket)
  SELECT width, to_timestamp(seconds)
    FROM unnest($1::text[], $2::float8[]) AS due (width, seconds) ORDER BY width, seconds
  ON CONFLICT (width, bucket) DO UPDATE SET marks = rollup_due.marks + 1`;

/**
 * Prepares the statements on a connected client. The writer speaks the protocol itself: guard,
 * rows and marks travel in one write and commit together at its end.
 *
 * @param seriesOid OID of the `series` table that the rows' series ids belong to
 * @param options.notesApplied whether writes may carry `applied`
 */
export async function createSampleWriter(
  client: pg.Client,
  seriesOid: number,
  { notesApplied = false }: { notesApplied?: boolean } = {},
): Promise<SampleWriter> {
  const prepared = await exchange(client, [
    parseMessage("fiber_guard", GUARD),
    parseMessage("fiber_copy", COPY),
    parseMessage("fiber_insert", INSERT),
    parseMessage("fiber_mark", MARK),
    ...(notesApplied ? [parseMessage("fiber_apply", APPLY)] : []),
    SYNC,
  ]);
  if (prepared.error !== null) throw prepared.error;
  const guard = runWithTexts("fiber_guard", [String(seriesOid)]);
  const guardAndCopy = Buffer.concat([guard, runWithTexts("fiber_copy", [])]);

  return {
    async copy(write) {
      const head = Buffer.concat([guardAndCopy, copyHead(write.rows.length)]);
      return outcomeOf(await exchange(client, [head, write.rows, COPY_END, ...tail(write), SYNC]));
    },
    async insert(write) {
      const statement = runWithBinary("fiber_insert", columnArrays(write.rows, write.count));
      return outcomeOf(await exchange(client, [guard, ...statement, ...tail(write), SYNC]));
    },
  };
}

function tail({ applied = [], marks }: RowsToWrite): readonly Buffer[] {
  return [...apply(applied), ...raise(marks)];
}

function apply(applied: readonly AppliedRange[]): readonly Buffer[] {
  if (applied.length === 0) return [];
  const list = (of: (range: AppliedRange) => string | number) => `{${applied.map(of).join(",")}}`;
  return [
    runWithTexts("fiber_apply", [
      list((range) => JSON.stringify(range.stream)),
      list((range) => range.firstSeq),
      list((range) => range.lastSeq),
      list((range) => range.lastAtMs / 1_000),
    ]),
  ];
}

function raise(marks: readonly RollupMark[]): readonly Buffer[] {
  if (marks.length === 0) return [];
  const widths = marks.map((mark) => mark.width).join(",");
  const seconds = marks.map((mark) => mark.bucketMs / 1_000).join(",");
  return [runWithTexts("fiber_mark", [`{${widths}}`, `{${seconds}}`])];
}

/** Beyond the statement time-out of the connection: only a server that hangs takes this long. */
const ANSWER_TIMEOUT_MS = 40_000;

interface Exchange {
  /** Tags of the statements that completed: "SELECT 1", "COPY 1000". */
  readonly tags: readonly string[];
  /** Null means that the server answered the Sync: everything is committed. */
  readonly error: Error | null;
}

function outcomeOf({ tags, error }: Exchange): WriteOutcome {
  if (error !== null) return classifyWriteError(error, tags.length > 0);
  const inserted = Number(tags[1]?.split(" ").at(-1));
  return { kind: "stored", inserted };
}

/** What the driver calls while it reads the answers; see Client.prototype._handle… in pg. */
interface ProtocolQuery extends pg.Submittable {
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
  handleRowDescription(): void;
  handleDataRow(): void;
  handleEmptyQuery(): void;
  handlePortalSuspended(): void;
  handleCopyInResponse(): void;
}

/** Sends messages that end in a Sync and collects what the server says to them. */
function exchange(client: pg.Client, messages: readonly Buffer[]): Promise<Exchange> {
  return new Promise((resolve) => {
    const tags: string[] = [];
    const ignore = () => {};
    const end = (error: Error | null) => {
      clearTimeout(unanswered);
      resolve({ tags, error });
    };
    let unanswered: NodeJS.Timeout | undefined;
    let connection: pg.Connection | undefined;
    const query: ProtocolQuery = {
      submit(target) {
        connection = target;
        const { stream } = target;
        unanswered = setTimeout(
          () => stream.destroy(new Error("PostgreSQL does not answer")),
          ANSWER_TIMEOUT_MS,
        );
        stream.cork();
        for (const bytes of messages) stream.write(bytes);
        stream.uncork();
      },
      handleCommandComplete: ({ text }) => void tags.push(text),
      handleReadyForQuery: () => end(null),
      handleError: (error) => afterError(connection, error, () => end(error)),
      handleRowDescription: ignore,
      handleDataRow: ignore,
      handleEmptyQuery: ignore,
      handlePortalSuspended: ignore,
      handleCopyInResponse: ignore,
    };
    client.query(query);
  });
}

/** After an error of a statement the server still reads on to the Sync and says that it is ready. */
function afterError(connection: pg.Connection | undefined, error: Error, done: () => void): void {
  const severity = (error as { severity?: unknown }).severity;
  if (connection === undefined || severity !== "ERROR") {
    done();
    return;
  }
  const once = () => {
    connection.off("readyForQuery", once);
    connection.off("end", once);
    done();
  };
  connection.on("readyForQuery", once);
  connection.on("end", once);
}
