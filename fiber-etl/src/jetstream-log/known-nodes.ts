import type { Sample } from "#contracts";
import { type Db, findDeletedNodes } from "#db";

/** Which nodes may have samples, as far as is known. */
export interface KnownNodes {
  /** The first soft-deleted node among the samples' nodes; asks the database about new ones. */
  findDeleted(
    samples: readonly Sample[],
    db: Db | null,
  ): string | undefined | Promise<string | undefined>;
  /** All soft-deleted nodes, as the database told them. */
  setDeleted(nodeIds: readonly string[]): void;
}

/** Beyond this many nodes the memory starts anew. */
const MAX_NODES = 200_000;

/** Makes an empty {@link KnownNodes}. A node that the database cannot be asked about may pass. */
export function createKnownNodes(): KnownNodes {
  let deleted = new Set<string>();
  const live = new Set<string>();
  const wanted = new Set<string>();
  /** The query under way, and the one that begins after it. */
  let asking: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;

  function scan(samples: readonly Sample[]): { gone?: string; unknown: string[] } {
    const unknown: string[] = [];
    let last = "";
    for (const { nodeId } of samples) {
      if (nodeId === last) continue;
      last = nodeId;
      if (deleted.has(nodeId)) return { gone: nodeId, unknown };
      if (!live.has(nodeId)) unknown.push(nodeId);
    }
    return { unknown };
  }

  /** Asks for everything that came since the last query began; one query at a time. */
  async function askTogether(db: Db): Promise<void> {
    await asking;
    const nodeIds = [...wanted];
    wanted.clear();
    next = null;
    if (nodeIds.length === 0) return;
    let gone: ReadonlySet<string>;
    try {
      gone = new Set(await findDeletedNodes(db, nodeIds));
    } catch {
      // The database went away: who writes into it will see.
      return;
    }
    if (live.size > MAX_NODES) live.clear();
    for (const nodeId of nodeIds) {
      if (gone.has(nodeId)) deleted.add(nodeId);
      else live.add(nodeId);
    }
  }

  async function ask(
    samples: readonly Sample[],
    unknown: readonly string[],
    db: Db,
  ): Promise<string | undefined> {
    for (const nodeId of unknown) wanted.add(nodeId);
    if (next === null) {
      next = askTogether(db);
      asking = next;
    }
    await next;
    return samples.find((sample) => deleted.has(sample.nodeId))?.nodeId;
  }

  return {
    findDeleted(samples, db) {
      const { gone, unknown } = scan(samples);
      if (gone !== undefined || unknown.length === 0 || db === null) return gone;
      return ask(samples, unknown, db);
    },
    setDeleted(nodeIds) {
      deleted = new Set(nodeIds);
      for (const nodeId of nodeIds) live.delete(nodeId);
    },
  };
}
