import { spawn } from "node:child_process";
import { once } from "node:events";

// Waits for the end of its stdin, which comes when we dismiss it and also when we are killed.
const SCRIPT = `
cat >/dev/null
rounds=0
while [ -e "$1" ] && [ "$rounds" -lt 300 ]; do
  pid=$(head -n 1 "$1/postgres/data/postmaster.pid" 2>/dev/null)
  if [ -n "$pid" ] && [ "$rounds" -lt 50 ] && kill -QUIT "$pid" 2>/dev/null; then sleep 0.2; else rm -rf "$1" 2>/dev/null; fi
  rounds=$((rounds + 1))
  [ -e "$1" ] && sleep 0.1
done
`;

/**
 * Starts a process that outlives us and, once we are gone or say so, stops the PostgreSQL whose
 * state folder is `folder` and removes the folder.
 */
export function startJanitor(folder: string): { dismiss(): Promise<void> } {
  const child = spawn("sh", ["-c", SCRIPT, "fiber-janitor", folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(child, "exit");
  child.unref();
  return {
    async dismiss() {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}
