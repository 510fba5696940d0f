import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { processIdentity, sameProcess } from "./process-identity.mjs";
import { endSteps } from "./run-step.mjs";

const POLL_MS = 300;
/** Taking over is a few file operations: a mark older than this was left by a killed process. */
const TAKE_OVER_MS = 10_000;

/** Runs `work` while holding the lock file; waits for another holder, takes over from a dead one. */
export async function withLock(path, say, work) {
  let told = false;
  for (;;) {
    const holder = tryLock(path);
    if (holder === null) break;
    if (!told) {
      say(`another set-up is running (process ${holder.pid}); waiting for it`);
      told = true;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const release = () => rmSync(path, { force: true });
  const interrupted = async (signal) => {
    await endSteps();
    release();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  try {
    return await work();
  } finally {
    release();
    process.removeListener("SIGINT", interrupted);
    process.removeListener("SIGTERM", interrupted);
  }
}

/** Takes the lock and returns null, or returns who holds it. */
function tryLock(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(processIdentity(process.pid)));
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (place(mine, path)) return null;
      const holder = read(path);
      if (holder === null) continue;
      if (sameProcess(holder)) return holder;
      removeStale(path, holder);
    }
    return read(path) ?? { pid: "unknown" };
  } finally {
    rmSync(mine, { force: true });
  }
}

function place(mine, path) {
  try {
    linkSync(mine, path);
    return true;
  } catch (err) {
    if (err.code === "EEXIST") return false;
    throw err;
  }
}

/** Only one process at a time may remove a dead holder's file, or it could remove a new holder's. */
function removeStale(path, dead) {
  const mark = `${path}.take-over`;
  try {
    writeFileSync(mark, "", { flag: "wx" });
  } catch (err) {
    if (err.code !== "EEXIST") throw err;
    const age = Date.now() - (statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > TAKE_OVER_MS) rmSync(mark, { force: true });
    return;
  }
  try {
    if (JSON.stringify(read(path)) === JSON.stringify(dead)) rmSync(path, { force: true });
  } finally {
    rmSync(mark, { force: true });
  }
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (err) {
    if (err.code === "ENOENT") return null;
    // Placed whole by link(), so unreadable means damaged: nobody holds it.
    if (err instanceof SyntaxError) return { pid: 0 };
    throw err;
  }
}
