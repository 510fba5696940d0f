import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type DbPool, issueToken } from "#db";
import { NODES, nodeId } from "./ingest-data.js";
import type { LoadOrder, LoadReport } from "./ingest-load.js";

/** Starts one of the bench's own programs with a channel to it. */
export function forkOf(file: string, env: Readonly<Record<string, string>>): ChildProcess {
  return fork(join(import.meta.dirname, file), {
    execArgv: ["--import", "tsx", "--conditions=source"],
    env: { ...process.env, ...env },
  });
}

/** Ends a program by its channel and waits for its end. */
export async function stopChild(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null) return;
  const ended = once(child, "exit");
  if (child.connected) child.disconnect();
  await ended;
}

/** Starts the API on a port of the system's choice. */
export async function startServer(
  env: Readonly<Record<string, string>>,
): Promise<{ child: ChildProcess; port: number }> {
  const child = forkOf("ingest-server.ts", {
    FIBER_API_PORT: "0",
    FIBER_PUSH_PER_MIN: "100000000",
    ...env,
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

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
