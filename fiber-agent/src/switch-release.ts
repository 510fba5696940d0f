import { FiberError } from "#contracts";
import { makeCurrent, type SwitchResult } from "#rollback";
import type { Logger } from "#runtime";
import { releaseOf } from "./hosted-release.js";
import type { RoleHost } from "./role-host.js";
import type { HostedRelease, RoleSpec } from "./role-spec.js";
import type { SupervisorHandlers, SwitchRequest } from "./supervisor-routes.js";
import { forgetWriterStop, rememberWriterStop } from "./writer-stop.js";

/** What a supervisor changes its roles with. */
export interface ChangeDeps {
  /** False while the stack starts or stops: nothing is changed then. */
  readonly isUp: () => boolean;
  readonly stateDir: string;
  readonly host: RoleHost;
  /** The roles of a release as they are started here. */
  readonly specsOf: (release: HostedRelease) => Promise<readonly RoleSpec[]>;
  readonly log: Logger;
  readonly say: (line: string) => void;
}

/** The handlers of POST /switch, /stop-writer and /start-writer. */
export function changeHandlers(
  deps: ChangeDeps,
): Pick<SupervisorHandlers, "switchTo" | "stopWriter" | "startWriter"> {
  const { stateDir, host, say } = deps;
  return {
    async switchTo(wanted) {
      requireUp(deps);
      return switchRelease(wanted, deps);
    },
    async stopWriter() {
      requireUp(deps);
      await rememberWriterStop(stateDir);
      const stopped = await host.stopWriters();
      say(`stopped for a change of the schema: ${stopped.join(", ") || "nothing writes"}`);
      return stopped;
    },
    async startWriter() {
      requireUp(deps);
      const started = await host.startWriters();
      await forgetWriterStop(stateDir);
      if (started.length > 0) say(`started again: ${started.join(", ")}`);
      return started;
    },
  };
}

function requireUp({ isUp }: ChangeDeps): void {
  if (isUp()) return;
  throw new FiberError("STACK_BUSY", "The stack is starting or stopping. Try again in a moment.");
}

/**
 * Switches a supervisor to a built release, and with it the link `current`, so that after a
 * restart the same release is started.
 *
 * @throws FiberError RELEASE_MISSING, ARTEFACT_GONE, SWITCH_FAILED
 */
async function switchRelease(
  { tag, digest, overlap }: SwitchRequest,
  deps: ChangeDeps,
): Promise<SwitchResult> {
  const { stateDir, host, log, say } = deps;
  const release = await releaseOf(stateDir, tag);
  if (release.digest !== digest) {
    throw new FiberError(
      "ARTEFACT_GONE",
      `${tag} was built anew since this was asked: its digest is ${release.digest} now. Try again.`,
    );
  }
  const specs = await deps.specsOf(release);
  const from = host.release().tag;
  say(from === tag ? `switching to ${tag} again` : `switching from ${from} to ${tag}`);
  const commit = async () => {
    await makeCurrent(stateDir, tag);
    await forgetWriterStop(stateDir);
  };
  const result = await host.switchTo({ release, specs, overlap, commit });
  const gap = result.gapMs === null ? "nothing had to change" : `gap at most ${result.gapMs} ms`;
  for (const note of result.notes) say(note);
  say(`${tag} runs (${gap})`);
  log.info({ from, to: tag, digest, overlap, ...result }, "switched");
  return result;
}
