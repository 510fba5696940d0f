import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const child = fileURLToPath(new URL("./killable-restore.itest-kit.ts", import.meta.url));

/**
 * Runs a restore in a process group of its own, which is killed with SIGKILL at an event of a step.
 *
 * @param work.what path of a dump, "point:NAME" or "resume"
 * @param work.killAt such as "done:beside"
 * @param work.afterMs how long after it; at once when it is left out
 * @returns what it said, an event a line, and how it ended
 */
export async function runAndKill(work: {
  readonly url: string;
  readonly stateDir: string;
  readonly what: string;
  readonly killAt: string;
  readonly afterMs?: number;
}) {
  const { url, stateDir, what, killAt, afterMs } = work;
  const args = [child, url, stateDir, what, killAt, String(afterMs ?? "")];
  const running = spawn(process.execPath, ["--import", "tsx", "--conditions=source", ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  const kill = () => {
    // A machine faster than the delay has finished by itself.
    if (running.exitCode === null) process.kill(-(running.pid ?? 0), "SIGKILL");
  };
  let timer: NodeJS.Timeout | undefined;
  running.stdout.on("data", (text: Buffer) => {
    said += text.toString();
    if (afterMs !== undefined && said.includes(killAt)) timer ??= setTimeout(kill, afterMs);
  });
  const [code, signal] = await once(running, "close");
  clearTimeout(timer);
  return { said: said.trim().split("\n"), code, signal };
}
