import { setTimeout as sleep } from "node:timers/promises";
import type { StackOptions, StackStatus } from "#agent";
import { statusSchema } from "#contracts";

const POLL_MS = 500;
/** A probe's first round takes up to one interval; beyond this something is wrong. */
const PATIENCE_MS = 60_000;

/** Says when all probes report, or after a minute which do not. */
export async function awaitProbes(
  status: StackStatus,
  options: StackOptions,
  signal: AbortSignal,
): Promise<void> {
  const { say, commandName } = options;
  const deadline = Date.now() + PATIENCE_MS;
  let seen = { expected: 0, reporting: 0 };
  while (!signal.aborted && Date.now() < deadline) {
    seen = (await probesOf(status.urls.api)) ?? seen;
    if (seen.expected > 0 && seen.reporting >= seen.expected) {
      return say(`${seen.reporting} probes reporting: open ${status.urls.dashboard}`);
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  if (signal.aborted) return;
  say(
    `${seen.reporting} of ${seen.expected} probes report after a minute; see \`${commandName} status\` and \`${commandName} logs\``,
  );
}

/** Null while the API does not answer; the supervisor reports that by itself. */
async function probesOf(apiUrl: string): Promise<{ expected: number; reporting: number } | null> {
  try {
    const answer = await fetch(`${apiUrl}/api/status`, { signal: AbortSignal.timeout(5_000) });
    return statusSchema.parse(await answer.json()).data.probes;
  } catch {
    return null;
  }
}
