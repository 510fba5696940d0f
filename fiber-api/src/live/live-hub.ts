import type { LiveEvent, LiveEventName } from "#contracts";
import type { Change } from "#db";
import type { Logger } from "#runtime";

/** Reads what changed nodes and probes look like now; one query for all clients. */
export interface LiveSource {
  /** Newest rounds; of all probes for null. */
  readSamples(nodeIds: readonly string[] | null): Promise<LiveData<"samples">>;
  readNodes(nodeIds: readonly string[] | null): Promise<LiveData<"nodes">>;
  readPosture(): Promise<LiveData<"posture">>;
}

type LiveData<Name extends LiveEventName> = Extract<LiveEvent, { event: Name }>["data"];

/** One event stream. `send` says false when the client reads too slowly and was dropped. */
export interface LiveClient {
  send(text: string): boolean;
  /** Whether who opened it may still read; asked every few seconds. */
  mayStay(): Promise<boolean>;
  end(): void;
}

/** All open event streams. */
export interface LiveHub {
  add(client: LiveClient): void;
  remove(client: LiveClient): void;
  /** Takes note of a change; what is due is read once for all clients, a few times a second. */
  change(change: Change): void;
  /** Anything may have changed: changes went unheard. */
  changeAll(): void;
  size(): number;
  /** Ends every stream; new ones end at once. */
  close(): Promise<void>;
}

const GATHER_MS = 150;
const HEARTBEAT_MS = 15_000;
/** How often streams are held against the tokens that opened them. */
const CHECK_MS = 2_000;

type Due = { samples: Set<string> | "*"; nodes: Set<string> | "*"; posture: boolean };

/** Makes the hub; `source` is asked only while somebody listens. */
export function createLiveHub(deps: { source: LiveSource; log: Logger }): LiveHub {
  const clients = new Set<LiveClient>();
  let due = nothingDue();
  let timer: NodeJS.Timeout | null = null;
  let flushing: Promise<void> | null = null;
  let checking = false;
  let closed = false;

  const heartbeat = setInterval(() => send(": still here\n\n"), HEARTBEAT_MS);
  heartbeat.unref();
  const checks = setInterval(() => {
    if (checking) return;
    checking = true;
    void endUninvited().finally(() => {
      checking = false;
    });
  }, CHECK_MS);
  checks.unref();

  async function endUninvited(): Promise<void> {
    for (const client of clients) {
      try {
        if (await client.mayStay()) continue;
        clients.delete(client);
        client.end();
      } catch (err) {
        // Nobody can tell now: an unreachable database is no reason to end a stream.
        deps.log.warn({ err }, "the token of an event stream cannot be looked up");
        return;
      }
    }
  }

  function send(text: string): void {
    for (const client of clients) if (!client.send(text)) clients.delete(client);
  }

  function schedule(): void {
    if (closed || timer !== null || flushing !== null) return;
    timer = setTimeout(() => {
      timer = null;
      flushing = flush().finally(() => {
        flushing = null;
        if (isDue(due)) schedule();
      });
    }, GATHER_MS);
  }

  async function flush(): Promise<void> {
    const now = due;
    due = nothingDue();
    if (clients.size === 0) return;
    try {
      for (const event of await readEvents(deps.source, now)) send(toEventText(event));
    } catch (err) {
      // Clients notice by the dashboard's own age of data; the next change reads again.
      deps.log.warn({ err }, "live events cannot be read");
    }
  }

  return {
    add: (client) => {
      if (closed) client.end();
      else clients.add(client);
    },
    remove: (client) => {
      clients.delete(client);
    },
    change: (change) => {
      if (clients.size === 0) return;
      due = addDue(due, change);
      schedule();
    },
    changeAll: () => {
      if (clients.size === 0) return;
      due = { samples: "*", nodes: "*", posture: true };
      schedule();
    },
    size: () => clients.size,
    close: async () => {
      closed = true;
      clearInterval(heartbeat);
      clearInterval(checks);
      if (timer !== null) clearTimeout(timer);
      for (const client of clients) client.end();
      clients.clear();
      await flushing;
    },
  };
}

/** An event as it travels. */
export function toEventText(event: LiveEvent): string {
  return `event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`;
}

function nothingDue(): Due {
  return { samples: new Set(), nodes: new Set(), posture: false };
}

function isDue(due: Due): boolean {
  return (
    due.posture || due.samples === "*" || due.nodes === "*" || due.samples.size + due.nodes.size > 0
  );
}

function addDue(due: Due, change: Change): Due {
  if (change.kind === "posture") return { ...due, posture: true };
  const known = due[change.kind];
  if (known === "*" || change.ids === "*") return { ...due, [change.kind]: "*" };
  return { ...due, [change.kind]: new Set([...known, ...change.ids]) };
}

async function readEvents(source: LiveSource, due: Due): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  if (due.samples === "*" || due.samples.size > 0) {
    const ids = due.samples === "*" ? null : [...due.samples];
    events.push({ event: "samples", data: await source.readSamples(ids) });
  }
  if (due.nodes === "*" || due.nodes.size > 0) {
    const ids = due.nodes === "*" ? null : [...due.nodes];
    events.push({ event: "nodes", data: await source.readNodes(ids) });
  }
  if (due.posture) events.push({ event: "posture", data: await source.readPosture() });
  return events;
}
