import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  StorageType,
  type StreamInfo,
} from "@nats-io/jetstream";
import { connect, type NatsConnection, nanos } from "@nats-io/transport-node";
import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import type { QueueConfig } from "../etl-config.js";
import { DEAD, SAMPLES } from "./stream-names.js";

/** A connection to JetStream whose streams are there. */
export interface Queue {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Tells this stream from one of the same name that was deleted: name and time of creation. */
  readonly streamId: string;
  /** The stream's newest message when it was opened. */
  readonly lastSeq: number;
  /** Closes the connection without waiting for anything; never rejects. */
  end(): Promise<void>;
}

/** How to open a {@link Queue}. */
export interface QueueOptions {
  readonly config: QueueConfig;
  readonly log: Logger;
  /** What the server's operator sees the connection under. */
  readonly name: string;
  /** Called once when the connection breaks after it was opened. */
  readonly onBroken: (error: Error) => void;
}

const CONNECT_MS = 3_000;
const REQUEST_MS = 5_000;
const PING_MS = 5_000;
/** A publish that is tried again within this time is stored once. */
const DUPLICATE_WINDOW_MS = 120_000;
/** What was dead-lettered is found to be the same for this long. */
const DEAD_DUPLICATE_WINDOW_MS = 3_600_000;
const DEAD_BYTES = 256 * 1024 * 1024;

/**
 * Connects and makes the streams that are missing. It does not reconnect by itself: who holds it
 * opens a new one, which looks at the stream anew.
 *
 * @throws FiberError QUEUE_UNAVAILABLE
 */
export async function openQueue({ config, log, name, onBroken }: QueueOptions): Promise<Queue> {
  let nc: NatsConnection;
  try {
    nc = await connect({
      ...readServers(config.FIBER_NATS_URL),
      name,
      reconnect: false,
      timeout: CONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
    });
  } catch (cause) {
    throw unavailable(`nats-server at ${shownUrl(config.FIBER_NATS_URL)} does not answer`, cause);
  }
  let opened = false;
  const end = async () => {
    opened = false;
    await nc.close().catch(() => undefined);
  };
  void nc.closed().then((error) => {
    if (opened) onBroken(error instanceof Error ? error : new Error("the connection was closed"));
    opened = false;
  });
  try {
    const jsm = await jetstreamManager(nc, { timeout: REQUEST_MS });
    const stream = await ensureStream(jsm, config, log);
    await ensureDeadStream(jsm, config);
    opened = true;
    const js = jetstream(nc, { timeout: REQUEST_MS });
    return { nc, js, jsm, streamId: idOf(stream), lastSeq: stream.state.last_seq, end };
  } catch (cause) {
    await end();
    throw unavailable(`JetStream at ${shownUrl(config.FIBER_NATS_URL)} cannot be used`, cause);
  }
}

/** Whether JetStream answered with this error code. */
export function isApiError(err: unknown, code: number): boolean {
  return err instanceof JetStreamApiError && err.code === code;
}

/** See {@link Queue.streamId}. */
export function idOf(stream: StreamInfo): string {
  return `${stream.config.name}@${stream.created}`;
}

/**
 * Messages go when they are applied and older than the retention, or applied and in the way
 * (see trim-stream.ts); the server itself removes none. So a full stream refuses what is new.
 */
async function ensureStream(
  jsm: JetStreamManager,
  config: QueueConfig,
  log: Logger,
): Promise<StreamInfo> {
  const limits = {
    max_bytes: config.FIBER_QUEUE_MAX_MB * 1024 * 1024,
    num_replicas: config.FIBER_QUEUE_REPLICAS,
  };
  const info = await findStream(jsm, SAMPLES.stream);
  if (info === null) {
    return jsm.streams.add({
      name: SAMPLES.stream,
      subjects: [SAMPLES.subject],
      description: "Accepted samples of FiberStack-Lite",
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      allow_direct: true,
      ...limits,
    });
  }
  const same =
    info.config.max_bytes === limits.max_bytes && info.config.num_replicas === limits.num_replicas;
  if (same) return info;
  try {
    return await jsm.streams.update(SAMPLES.stream, { ...info.config, ...limits });
  } catch (err) {
    // The stream serves as it is; a server without room for the new size is no reason to stop.
    log.warn({ err, limits }, "the stream keeps its limits: the server refuses the new ones");
    return info;
  }
}

async function ensureDeadStream(jsm: JetStreamManager, config: QueueConfig): Promise<void> {
  if ((await findStream(jsm, DEAD.stream)) !== null) return;
  await jsm.streams.add({
    name: DEAD.stream,
    subjects: [DEAD.subject],
    description: "Samples that the database of FiberStack-Lite refuses",
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    duplicate_window: nanos(DEAD_DUPLICATE_WINDOW_MS),
    num_replicas: config.FIBER_QUEUE_REPLICAS,
    max_bytes: Math.min(DEAD_BYTES, config.FIBER_QUEUE_MAX_MB * 1024 * 1024),
  });
}

/** A stream's state, or null when there is no such stream. */
export async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    return await jsm.streams.info(name);
  } catch (err) {
    if (isApiError(err, JetStreamApiCodes.StreamNotFound)) return null;
    throw err;
  }
}

/** `nats://user:password@host:port` or `nats://token@host:port`, several separated by commas. */
function readServers(urls: string): {
  servers: string[];
  user?: string;
  pass?: string;
  token?: string;
} {
  const parsed = urls.split(",").map((url) => new URL(url.trim()));
  const servers = parsed.map((url) => url.host);
  const { username = "", password = "" } = parsed.find((url) => url.username !== "") ?? {};
  if (username === "") return { servers };
  if (password === "") return { servers, token: decodeURIComponent(username) };
  return { servers, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

/** The URL without its secrets. */
export function shownUrl(urls: string): string {
  return urls
    .split(",")
    .map((url) => new URL(url.trim()).host)
    .join(", ");
}

function unavailable(what: string, cause: unknown): FiberError {
  const why = (cause as Error).message;
  return new FiberError("QUEUE_UNAVAILABLE", `${what}: ${why}`, { cause, retryAfterS: 1 });
}
