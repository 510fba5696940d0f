import type { JetStreamClient } from "@nats-io/jetstream";
import type { AppendOutcome } from "#contracts";
import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import { type ReadMessage, readMessage } from "../queue/message-format.js";
import type { Writer } from "../writer/create-writer.js";
import type { MessageMark } from "../writer/group.js";
import { bury, type DeadReason } from "./dead-letters.js";
import { allRows, bytesOf, NO_ROWS, pickRows, rowsOfNode } from "./message-rows.js";

/** A message as it came from the stream. */
export interface Incoming {
  readonly data: Uint8Array;
  readonly mark: MessageMark;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
}

/** What storing needs. */
export interface StoreMessageTools {
  readonly writer: Writer;
  readonly js: JetStreamClient;
  readonly log: Logger;
}

/** Applied: its samples are in the database or in the dead-letter stream, and noted as such. */
export type MessageOutcome = { readonly kind: "applied" } | { readonly kind: "refused" };

/**
 * A message that came this often ended or cut off whoever took it. A fence or an absent database
 * costs it a delivery or two, and one without room none, so the bound is far from these.
 */
const MAX_DELIVERIES = 100;
const REFUSED: MessageOutcome = { kind: "refused" };
const APPLIED: MessageOutcome = { kind: "applied" };

/**
 * Stores a message. Samples that the database refuses are put into the dead-letter stream one by
 * one, and their neighbours are stored: nothing waits behind them.
 *
 * @throws when a dead letter could not be put aside; the message must be tried again
 */
export async function storeMessage(
  incoming: Incoming,
  tools: StoreMessageTools,
): Promise<MessageOutcome> {
  const { data, mark, deliveries } = incoming;
  const message = readMessage(data);
  if (typeof message === "string") return buryWhole(incoming, tools, ["UNREADABLE", message]);
  if (deliveries > MAX_DELIVERIES) {
    return buryWhole(incoming, tools, ["UNDELIVERABLE", `delivered ${deliveries} times in vain`]);
  }
  const { traces } = message;
  const outcome = await append(tools.writer, { rows: allRows(message), traces, mark });
  if (outcome.kind === "stored") return APPLIED;
  if (outcome.kind === "refused") return REFUSED;
  if (!(await storeParts({ message, from: 0, mark }, tools, outcome))) return REFUSED;
  return note(mark, tools);
}

/** Part of a message; `from` is the index of its first row in it. */
interface Part {
  readonly message: ReadMessage;
  readonly from: number;
  readonly mark: MessageMark;
}

/** Why an append kept nothing although the database takes rows. */
type Failure = Exclude<Outcome, { kind: "stored" } | { kind: "refused" }>;
type Outcome = AppendOutcome | { readonly kind: "invalid"; readonly error: string };

/** Stores what can be stored of a part that failed; false when the database takes nothing now. */
async function storeParts(part: Part, tools: StoreMessageTools, why: Failure): Promise<boolean> {
  const { message, from, mark } = part;
  const all = message.starts.map((_, index) => index);
  const piece = (indices: readonly number[]): Part => ({
    message: pickRows(message, indices),
    from: from + (indices[0] ?? 0),
    mark,
  });
  if (why.kind === "node-deleted") {
    const gone = rowsOfNode(message, why.nodeId);
    await buryPart(piece(gone), tools, ["NODE_DELETED", `node ${why.nodeId} was deleted`]);
    const dead = new Set(gone);
    return storePart(piece(all.filter((index) => !dead.has(index))), tools);
  }
  if (all.length === 1) {
    await buryPart(part, tools, ["INVALID_SAMPLE", why.error]);
    return true;
  }
  const middle = Math.floor(all.length / 2);
  return (
    (await storePart(piece(all.slice(0, middle)), tools)) &&
    (await storePart(piece(all.slice(middle)), tools))
  );
}

async function storePart(part: Part, tools: StoreMessageTools): Promise<boolean> {
  if (part.message.rowCount === 0) return true;
  const { traces } = part.message;
  const rows = allRows(part.message);
  const outcome = await append(tools.writer, { rows, traces, mark: null });
  if (outcome.kind === "stored") return true;
  return outcome.kind === "refused" ? false : storeParts(part, tools, outcome);
}

async function append(writer: Writer, what: Parameters<Writer["append"]>[0]): Promise<Outcome> {
  try {
    return await writer.append(what);
  } catch (err) {
    if (!(err instanceof FiberError) || err.code !== "INVALID_SAMPLE") throw err;
    return { kind: "invalid", error: (err.cause as Error | undefined)?.message ?? err.message };
  }
}

type Reason = readonly [reason: DeadReason, error: string];

async function buryPart(part: Part, tools: StoreMessageTools, why: Reason): Promise<void> {
  const { message, from, mark } = part;
  const [reason, error] = why;
  await bury(tools.js, { data: bytesOf(message), mark, part: `${from}-${reason}`, reason, error });
  const trace = message.traces[0] ?? {};
  const facts = { ...trace, seq: mark.seq, samples: message.rowCount, reason, error };
  tools.log.warn(facts, "samples were put into the dead-letter stream");
}

async function buryWhole(
  { data, mark }: Incoming,
  tools: StoreMessageTools,
  [reason, error]: Reason,
): Promise<MessageOutcome> {
  await bury(tools.js, { data, mark, part: "all", reason, error });
  tools.log.warn({ seq: mark.seq, reason, error }, "a message was put into the dead-letter stream");
  return note(mark, tools);
}

/** What a message held is kept: it counts as applied. */
async function note(mark: MessageMark, { writer }: StoreMessageTools): Promise<MessageOutcome> {
  const outcome = await writer.append({ rows: NO_ROWS, traces: [], mark });
  return outcome.kind === "stored" ? APPLIED : REFUSED;
}
