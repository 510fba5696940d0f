import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { FiberError } from "#contracts";
import type { Git } from "../../git/run-git.js";
import { releaseTree } from "../../releases/release-places.js";
import type { Artefact, DeployDriver, DrivenRole, DrivenState } from "../deploy-driver.js";
import { currentTag, makeCurrent } from "../process/current-release.js";
import { removeTree } from "../process/frozen-tree.js";
import { digestTree } from "../process/tree-digest.js";
import { buildImage } from "./build-image.js";
import { type Container, listContainers } from "./containers.js";
import { createDocker } from "./docker.js";
import { artefactOf, type ImageRecord, imageRecordFile, readImageRecord } from "./image-record.js";
import { type ReleasedProject, readReleased, releasedHere } from "./released-project.js";
import { createReplacer } from "./replace-services.js";
import { forgetWriterStop, isWriterStopped, rememberWriterStop } from "./writer-stop.js";

/** What the compose driver works on. */
export interface ComposeDriverOptions {
  readonly stateDir: string;
  /** Git in the repository that is released. */
  readonly git: Git;
  /** Ends a build early. */
  readonly signal?: AbortSignal;
  /** Variables for docker and docker-compose, such as DOCKER_HOST. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The driver of a stack on containers: a release is an image, built from the tag's tree, which is
 * kept beside it for its compose file and its migrations. Containers are removed and then created:
 * docker-compose 1.29 fails at creating them again in place on newer engines.
 */
export function createComposeDriver(options: ComposeDriverOptions): DeployDriver {
  const { stateDir, git, signal, env } = options;
  const docker = createDocker(env);
  const replacer = createReplacer({ docker, stateDir });

  const isIntact = async (record: ImageRecord): Promise<boolean> => {
    const found = await docker.try("image", "inspect", "--format", "{{.Id}}", record.name);
    if (found.exitCode !== 0 || found.stdout.trim() !== record.image) return false;
    try {
      return (await digestTree(releaseTree(stateDir, record.tag))).digest === record.treeDigest;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw err;
    }
  };
  const findRecord = async (tag: string): Promise<ImageRecord | null> => {
    const record = await readImageRecord(stateDir, tag);
    return record !== null && (await isIntact(record)) ? record : null;
  };
  const find = async (tag: string): Promise<Artefact | null> => {
    const record = await findRecord(tag);
    return record === null ? null : artefactOf(stateDir, record);
  };
  /** The release whose compose file describes what runs; else that of the clone. */
  const project = async (): Promise<ReleasedProject> =>
    releasedHere(stateDir, await currentTag(stateDir)) ?? readReleased(git.folder);
  const running = async (): Promise<DrivenState> => {
    const release = await currentTag(stateDir);
    const record = release === null ? null : await readImageRecord(stateDir, release);
    const state = { release, digest: record?.digest ?? null };
    if (!(await docker.answers())) return { ...state, roles: [], reachable: false };
    const { spec } = await project();
    const containers = await listContainers(docker, spec.project);
    return {
      ...state,
      reachable: true,
      roles: spec.services.map((service) =>
        roleOf(
          service,
          containers.find((one) => one.service === service),
        ),
      ),
    };
  };

  return {
    kind: "compose",
    async prepare(tag, commit, progress) {
      progress({ phase: "look for an earlier build", line: null });
      const found = await find(tag);
      if (found?.commit === commit) return found;
      return artefactOf(
        stateDir,
        await buildImage({ git, docker, env, stateDir, tag, commit, progress, signal }),
      );
    },
    find,
    running,
    async stopWriter() {
      await rememberWriterStop(stateDir);
      await replacer.stop((await project()).spec);
    },
    async startWriter() {
      await forgetWriterStop(stateDir);
      const tag = await currentTag(stateDir);
      const record = tag === null ? null : await findRecord(tag);
      if (record !== null) await replacer.start(record);
    },
    async switchTo(artefact) {
      const record = await findRecord(artefact.tag);
      if (record?.digest !== artefact.digest) throw artefactGone(artefact);
      const before = await currentTag(stateDir);
      const old = before === null || before === record.tag ? null : await findRecord(before);
      if (before === record.tag && (await replacer.runs(record))) return { gapMs: null, notes: [] };
      const gapMs = await replacer.replace(record, {
        old,
        writerStopped: isWriterStopped(stateDir),
      });
      await makeCurrent(stateDir, record.tag);
      await forgetWriterStop(stateDir);
      return { gapMs, notes: [] };
    },
    async remove(tag) {
      const { release, roles } = await running();
      if (release === tag || roles.some((role) => role.release === tag)) {
        throw new FiberError(
          "RELEASE_IN_USE",
          `${tag} is what runs: deploy another release first.`,
        );
      }
      const record = await readImageRecord(stateDir, tag);
      // First the record, so that a kill leaves nothing that counts.
      await rm(imageRecordFile(stateDir, tag), { force: true });
      if (record !== null) await docker.try("image", "rm", record.name);
      const there = existsSync(releaseTree(stateDir, tag));
      await removeTree(releaseTree(stateDir, tag));
      return record !== null || there;
    },
  };
}

function roleOf(name: string, found: Container | undefined): DrivenRole {
  return {
    name,
    state: stateOf(found),
    pid: found?.pid ?? null,
    release: found?.release ?? null,
  };
}

function stateOf(found: Container | undefined): DrivenRole["state"] {
  if (found?.status === "restarting") return "waiting";
  if (found?.status !== "running") return "stopped";
  return found.health === "starting" ? "starting" : "running";
}

function artefactGone({ tag }: Artefact): FiberError {
  return new FiberError(
    "ARTEFACT_GONE",
    `The image of ${tag} is gone or is not what its record says. Build it again: fiber deploy ${tag}.`,
  );
}
