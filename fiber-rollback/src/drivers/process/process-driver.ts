import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { z } from "zod";
import { FiberError } from "#contracts";
import { agentSocket, askAgent } from "#runtime";
import type { Git } from "../../git/run-git.js";
import { releaseTree } from "../../releases/release-places.js";
import type { Artefact, DeployDriver, DrivenState, SwitchResult } from "../deploy-driver.js";
import { artefactRecordFile, recordedFolder } from "./artefact-record.js";
import { buildTree } from "./build-tree.js";
import { currentTag, makeCurrent } from "./current-release.js";
import { removeTree } from "./frozen-tree.js";
import { isIntactTree } from "./tree-stamp.js";

/** A switch warms up and takes over one role after the other; each has its own time. */
const SWITCH_TIMEOUT_MS = 15 * 60_000;
/** A role that does not stop is killed long before. */
const STOP_TIMEOUT_MS = 60_000;

const statusSchema = z.object({
  release: z.string(),
  digest: z.string().nullable(),
  roles: z.array(
    z.object({
      name: z.string(),
      state: z.enum(["starting", "running", "waiting", "stopped"]),
      pid: z.number().nullable(),
      release: z.string(),
    }),
  ),
});

const switchedSchema = z.object({ gapMs: z.number().nullable(), notes: z.array(z.string()) });

/** What the process driver works on. */
export interface ProcessDriverOptions {
  readonly stateDir: string;
  /** Git in the repository that is released. */
  readonly git: Git;
  /** The supervisor's socket; that of the state folder by default. */
  readonly socket?: string;
  /** Ends a build early. */
  readonly signal?: AbortSignal;
}

/**
 * The driver of the embedded stack: a release is a read-only folder in the state folder, and the
 * supervisor there runs its roles as processes.
 */
export function createProcessDriver(options: ProcessDriverOptions): DeployDriver {
  const { stateDir, git, signal, socket = agentSocket(stateDir) } = options;

  const find = async (tag: string): Promise<Artefact | null> => {
    const recorded = await recordedFolder(stateDir, tag);
    return recorded !== null && (await isIntactTree(stateDir, recorded)) ? recorded : null;
  };
  const running = async (): Promise<DrivenState> => {
    const answer = await askAgent(socket, "GET", "/status");
    if (answer !== null) return { ...statusSchema.parse(answer), reachable: true };
    const release = await currentTag(stateDir);
    const recorded = release === null ? null : await recordedFolder(stateDir, release);
    return { release, digest: recorded?.digest ?? null, roles: [], reachable: false };
  };

  return {
    kind: "process",
    async prepare(tag, commit, progress) {
      progress({ phase: "look for an earlier build", line: null });
      const found = await find(tag);
      if (found?.commit === commit) return found;
      return buildTree({ git, stateDir, tag, commit, progress, signal });
    },
    find,
    running,
    async stopWriter() {
      // Nobody listens: no role runs, so none writes.
      await tell(socket, "/stop-writer", { timeoutMs: STOP_TIMEOUT_MS });
    },
    async startWriter() {
      await tell(socket, "/start-writer", { timeoutMs: SWITCH_TIMEOUT_MS });
    },
    async switchTo(artefact, { overlap }) {
      const isIntact = await isIntactTree(stateDir, artefact, { whole: true });
      if (!isIntact) throw artefactGone(artefact);
      const body = { tag: artefact.tag, digest: artefact.digest, overlap };
      const answer = await tell(socket, "/switch", { body, timeoutMs: SWITCH_TIMEOUT_MS });
      if (answer !== null) return switchedSchema.parse(answer);
      await makeCurrent(stateDir, artefact.tag);
      return notRunning(artefact.tag);
    },
    async remove(tag) {
      const { release } = await running();
      if (release === tag || (await currentTag(stateDir)) === tag) {
        throw new FiberError(
          "RELEASE_IN_USE",
          `${tag} is what runs: deploy another release first.`,
        );
      }
      // First the record, so that a kill leaves nothing that counts.
      await rm(artefactRecordFile(stateDir, tag), { force: true });
      const tree = releaseTree(stateDir, tag);
      const wasThere = existsSync(tree);
      await removeTree(tree);
      return wasThere;
    },
  };
}

async function tell(
  socket: string,
  path: string,
  options: { readonly body?: unknown; readonly timeoutMs: number },
): Promise<unknown> {
  try {
    return await askAgent(socket, "POST", path, options);
  } catch (err) {
    if (!(err instanceof FiberError) || err.code !== "ROUTE_NOT_FOUND") throw err;
    throw new FiberError(
      "AGENT_TOO_OLD",
      "The supervisor that runs is older than this command and cannot switch releases. Restart it: " +
        "fiber down, then fiber up.",
      { cause: err },
    );
  }
}

function artefactGone({ tag, ref }: Artefact): FiberError {
  return new FiberError(
    "ARTEFACT_GONE",
    `What ${tag} was built into, ${ref}, is gone or was changed. Build it again: fiber deploy ${tag}.`,
  );
}

function notRunning(tag: string): SwitchResult {
  return {
    gapMs: null,
    notes: [`No stack runs here: ${tag} is what the next \`fiber up\` starts.`],
  };
}
