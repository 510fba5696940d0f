import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { eventually, type TestStack } from "./test-stack.js";

/** One sample in the load client's own shape. */
export type Sample = [target: string, timeMs: number, latencyMs: number, loss: number, run: number];

/**
 * The load client as a process, with its list of what was answered with 202.
 *
 * @param options.pauseMs each of its four loops waits this long between two batches of 25
 */
export async function startLoad(
  stack: Pick<TestStack, "stateDir" | "apiUrl">,
  name: string,
  options: { readonly pauseMs?: number } = {},
) {
  const ackedFile = join(stack.stateDir, `${name}.json`);
  const script = join(import.meta.dirname, "load-client.ts");
  const child = spawn(
    process.execPath,
    [
      ...["--import", "tsx", script, stack.apiUrl, join(stack.stateDir, "admin.token"), ackedFile],
      ...[name, String(options.pauseMs ?? 0)],
    ],
    { cwd: join(import.meta.dirname, ".."), stdio: ["ignore", "pipe", "pipe"] },
  );
  let count = 0;
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => {
    count = Number(chunk.toString().trim().split("\n").at(-1));
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const ended = once(child, "exit");
  return {
    /** Waits for this many more acknowledged samples. */
    async more(samples: number) {
      const goal = count + samples;
      await eventually(`${goal} acknowledged samples`, async () => {
        if (child.exitCode !== null) throw new Error(`the client ended: ${complaint}`);
        return count >= goal;
      });
    },
    /** Ends it; returns its list. */
    async stop(): Promise<readonly Sample[]> {
      child.kill("SIGTERM");
      const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
      if (code !== 0) throw new Error(`the client ended with ${code ?? signal}: ${complaint}`);
      return JSON.parse(readFileSync(ackedFile, "utf8")) as Sample[];
    },
  };
}

/** The connection string of one of the stack's databases. */
export function stackDatabaseUrl(stack: TestStack, database: string): string {
  const pgpass = readFileSync(join(stack.stateDir, "pgpass"), "utf8");
  const password = pgpass.split("\n")[0]?.split(":").at(-1) ?? "";
  return `postgres://postgres:${password}@127.0.0.1:${stack.ports.pg}/${database}`;
}

/** Every row of the load clients' node, in their own shape; a row stored twice comes twice. */
export async function storedSamples(
  stack: TestStack,
  database = "fiberstack",
): Promise<readonly Sample[]> {
  return readSamples(stackDatabaseUrl(stack, database));
}

async function readSamples(connectionString: string): Promise<readonly Sample[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<Sample>({
      text: `SELECT s.target, (extract(epoch FROM x.time) * 1000)::float8, x.latency_ms,
                    x.packet_loss, (x.metadata ->> 'run')::int
             FROM samples x JOIN series s USING (series_id) WHERE s.node_id = 'load-node'`,
      rowMode: "array",
    });
    return rows;
  } finally {
    await client.end();
  }
}

/** {@link storedSamples} by "target time". */
export async function storedByKey(
  stack: TestStack,
  database = "fiberstack",
): Promise<ReadonlyMap<string, Sample>> {
  return storedAt(stackDatabaseUrl(stack, database));
}

/** The same of any database. */
export async function storedAt(connectionString: string): Promise<ReadonlyMap<string, Sample>> {
  return new Map((await readSamples(connectionString)).map((row) => [keyOf(row), row]));
}

/** Acknowledged samples that are missing or hold other values; a few name the fault. */
export function wrongOf(
  acknowledged: readonly Sample[],
  stored: ReadonlyMap<string, Sample>,
): readonly unknown[] {
  return acknowledged
    .filter((sent) => JSON.stringify(stored.get(keyOf(sent))) !== JSON.stringify(sent))
    .map((sent) => ({ sent, stored: stored.get(keyOf(sent)) ?? null }))
    .slice(0, 5);
}

/** What names a sample of the load client. */
export function keyOf([target, timeMs]: Sample): string {
  return `${target} ${timeMs}`;
}
