import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What a reader saw since its last mark; see switch-reader.ts. */
export interface Seen {
  readonly reads: number;
  readonly failures: number;
  readonly longestGapMs: number;
  /** When that gap ended, ISO 8601. */
  readonly longestGapAt: string;
  readonly longestWaitMs: number;
}

/** A process that reads in a closed loop. */
export interface Reader {
  /** What was seen since the last mark. */
  mark(): Promise<Seen>;
  stop(): void;
}

/** Starts a reader of its own process, so that nothing of the bench delays it. */
export function startReader(url: string): Reader {
  const script = join(import.meta.dirname, "switch-reader.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, url], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const { stdin, stdout } = child;
  const lines = createInterface({ input: stdout });
  return {
    async mark() {
      const line = once(lines, "line") as Promise<[string]>;
      stdin.write("mark\n");
      return JSON.parse((await line)[0]) as Seen;
    },
    stop: () => stdin.end(),
  };
}
