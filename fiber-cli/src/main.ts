import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { EXIT, exitCodeFor } from "./exit-codes.js";
import { createProgram } from "./program.js";
import { paint, tell } from "./terminal.js";

// `fiber logs | head` closes our output early; that is no failure.
process.stdout.on("error", (err: NodeJS.ErrnoException) => {
  process.exit(err.code === "EPIPE" ? EXIT.done : EXIT.failed);
});

try {
  await createProgram(productVersion()).parseAsync(process.argv);
} catch (err) {
  process.exitCode = report(err);
}

/** Read here rather than through the runtime's door, which loads more than help needs. */
function productVersion(): string {
  for (const up of ["../../../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(up, import.meta.url), "utf8");
      const { name, version } = JSON.parse(text) as { name: string; version: string };
      if (name === "fiberstack-lite") return version;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
    }
  }
  return "unknown";
}

/** Prints an error for people and returns its exit code. Commander has printed its own already. */
function report(err: unknown): number {
  if (err instanceof CommanderError) return err.exitCode === 0 ? EXIT.done : EXIT.usage;
  const { name, message, stack, code } = err as Error & { code?: string };
  tell(`${paint("red", "fiber:", process.stderr)} ${message}`);
  // An error that nobody foresaw: its origin helps whoever mends it.
  if (name !== "FiberError" && stack !== undefined) tell(paint("dim", stack, process.stderr));
  if (code !== undefined && process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify({ status: "error", code, message })}\n`);
  }
  return exitCodeFor(err);
}
