/**
 * The moment at which a test wants this process group to die: right after the journal's n-th line
 * is on disk (`FIBER_CHAOS_KILL_AFTER_LINE`). Honoured only where `FIBER_ENV=test`.
 */
export function killAfterLine(
  lines: number,
  env: Readonly<Record<string, string | undefined>> = process.env,
): void {
  if (env.FIBER_ENV !== "test" || env.FIBER_CHAOS_KILL_AFTER_LINE !== String(lines)) return;
  // 0 is the own process group: programs that a step started die too.
  process.kill(0, "SIGKILL");
}
