import { once } from "node:events";
import { type DbPool, issueToken } from "#db";
import { forkOf, stopChild } from "./children.js";
import { NODES, nodeId } from "./ingest-data.js";
import type { LoadOrder, LoadReport } from "./ingest-load.js";

/** What an API is given that no push of a bench is to be refused by its rate. */
export const UNLIMITED = { FIBER_PUSH_PER_MIN: "100000000" } as const;

/** A token for each of the bench's nodes. */
export async function issueTokens(pool: DbPool): Promise<readonly string[]> {
  const tokens: string[] = [];
  for (let node = 0; node < NODES; node++) {
    const issued = await issueToken(pool, { role: "probe", nodeId: nodeId(node), label: "bench" });
    tokens.push(issued.token);
  }
  return tokens;
}

/**
 * Sends a load from a process of its own.
 *
 * @param onGo called when the first request is about to leave
 * @throws Error when a push was not accepted
 */
export async function sendLoad(order: LoadOrder, onGo: () => void = () => {}): Promise<LoadReport> {
  const child = forkOf("ingest-load.ts", {});
  try {
    child.send(order);
    await once(child, "message");
    onGo();
    child.send("go");
    const [result] = (await once(child, "message")) as [LoadReport];
    if (result.failure !== null) throw new Error(`A push was not accepted: ${result.failure}`);
    return result;
  } finally {
    await stopChild(child);
  }
}

/** Throws unless the table holds exactly so many rows. */
export async function expectRows(pool: DbPool, expected: number): Promise<void> {
  const { rows } = await pool.query<{ n: number }>("SELECT count(*)::int AS n FROM samples");
  const found = rows[0]?.n;
  if (found !== expected) {
    throw new Error(`${expected} samples were acknowledged, but ${found} are in the table`);
  }
}
