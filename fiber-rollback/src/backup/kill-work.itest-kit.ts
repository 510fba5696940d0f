import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, watch } from "node:fs";
import { fileURLToPath } from "node:url";

const child = fileURLToPath(new URL("./killable-backup.itest-kit.ts", import.meta.url));

/** What the killed process works on; see killable-backup.itest-kit.ts. */
export interface KillableWork {
  readonly url: string;
  readonly stateDir: string;
  readonly what: "create" | "prove" | "copy" | "base";
  readonly more?: readonly string[];
}

/**
 * Runs the work in a process group of its own and kills the group with SIGKILL as soon as
 * `isTime` says so.
 *
 * @param isTime asked again and again, without a pause
 * @returns whether it was killed before it ended by itself
 */
export async function killWhen(work: KillableWork, isTime: () => Promise<boolean> | boolean) {
  const running = startWork(work);
  let ended = false;
  const end = once(running, "exit").then(() => {
    ended = true;
  });
  while (!ended && !(await isTime())) await new Promise((resolve) => setTimeout(resolve, 2));
  const inTime = !ended;
  if (inTime) process.kill(-(running.pid ?? 0), "SIGKILL");
  await end;
  return inTime;
}

/** As {@link killWhen}: as soon as a new file of that kind shows in a folder, which is made. */
export async function killAtFile(
  work: KillableWork,
  folder: string,
  name: RegExp,
): Promise<boolean> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = new Set(readdirSync(folder));
  let killed = false;
  const running = startWork(work);
  const watching = watch(folder, (_event, file) => {
    if (file === null || killed || known.has(file) || !name.test(file)) return;
    killed = true;
    process.kill(-(running.pid ?? 0), "SIGKILL");
  });
  await once(running, "exit");
  watching.close();
  return killed;
}

function startWork({ url, stateDir, what, more = [] }: KillableWork) {
  return spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=source", child, url, stateDir, what, ...more],
    { detached: true, stdio: "ignore" },
  );
}
