import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { StackOptions, StackStatus } from "#agent";
import { type LatestRound, latestRoundSchema } from "#contracts";

const POLL_MS = 500;
/** A probe's first round takes up to one interval; beyond this something is wrong. */
const PATIENCE_MS = 60_000;

/** Says when all probes of the stack have reported since it started, or after a minute which not. */
export async function awaitProbes(
  status: StackStatus,
  options: StackOptions,
  signal: AbortSignal,
): Promise<void> {
  const { say, commandName } = options;
  const deadline = Date.now() + PATIENCE_MS;
  let silent = status.probes;
  while (!signal.aborted && Date.now() < deadline) {
    const rounds = await readRounds(status.urls.api, options.paths.adminToken);
    silent = status.probes.filter((id) => !rounds.some((round) => isFresh(round, id, status)));
    if (silent.length === 0) {
      return say(`${status.probes.length} probes reporting: open ${status.urls.dashboard}`);
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  if (signal.aborted) return;
  say(
    `still silent after a minute: ${silent.join(", ")}; see \`${commandName} status\` and \`${commandName} logs\``,
  );
}

function isFresh(round: LatestRound, nodeId: string, status: StackStatus): boolean {
  return round.node_id === nodeId && Date.parse(round.timestamp) >= Date.parse(status.since);
}

/** Empty while the API does not answer; the supervisor reports that by itself. */
async function readRounds(apiUrl: string, tokenFile: string): Promise<readonly LatestRound[]> {
  try {
    const answer = await fetch(`${apiUrl}/api/metrics`, {
      headers: { authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}` },
      signal: AbortSignal.timeout(5_000),
    });
    return z.array(latestRoundSchema).parse(await answer.json());
  } catch {
    return [];
  }
}
