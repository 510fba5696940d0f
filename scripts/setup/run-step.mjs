import { spawn } from "node:child_process";

/** Steps that run now, so that an interrupted set-up takes them with it. */
const running = new Set();

/**
 * Runs a program and resolves with `{ status, signal, stderr, error }`. Its stdout goes to our
 * stderr; its stderr too, unless `quiet` keeps it for the caller.
 */
export function runStep(program, args, { cwd, env, quiet = false }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", 2, quiet ? "pipe" : 2] });
    running.add(child);
    let stderr = "";
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    const end = (result) => {
      running.delete(child);
      resolve({ stderr, ...result });
    };
    child.once("error", (error) => end({ status: null, signal: null, error }));
    child.once("close", (status, signal) => end({ status, signal }));
  });
}

/** Ends the steps that run and waits until they are gone. */
export async function endSteps() {
  await Promise.all(
    [...running].map((child) => {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGTERM");
      return gone;
    }),
  );
}
