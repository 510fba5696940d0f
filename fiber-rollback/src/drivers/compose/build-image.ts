import { createHash } from "node:crypto";
import { FiberError } from "#contracts";
import type { Git } from "../../git/run-git.js";
import type { BuildProgress } from "../deploy-driver.js";
import { makeTree } from "../process/build-tree.js";
import { COMMIT_LABEL, RELEASE_LABEL } from "./containers.js";
import { type Docker, imageRemedy } from "./docker.js";
import { type ImageRecord, writeImageRecord } from "./image-record.js";
import { readReleased } from "./released-project.js";

/** What is built, and with what. */
export interface ImageRequest {
  readonly git: Git;
  readonly docker: Docker;
  /** Variables for docker, beside our own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stateDir: string;
  readonly tag: string;
  readonly commit: string;
  readonly progress: BuildProgress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds the image of a commit from a checkout of its own, which stays beside it as the release's
 * tree. Docker's cache makes a second build of the same tree a matter of seconds.
 *
 * @throws FiberError BUILD_FAILED, DISK_FULL, ENGINE_UNREACHABLE, GIT_FAILED, PROJECT_FILE_INVALID
 */
export async function buildImage(request: ImageRequest): Promise<ImageRecord> {
  const { docker, stateDir, tag, commit } = request;
  await askEngine(docker);
  let name = "";
  const made = await makeTree(request, (work) => {
    const { spec } = readReleased(work);
    name = `${spec.image}:${tag}`;
    const command = buildCommand({ dockerfile: spec.dockerfile, name, tag, commit });
    const settings = Object.entries(request.env ?? {}).map(([key, value]) => `${key}='${value}' `);
    return [`${settings.join("")}${command}`];
  }).catch(async (err) => {
    throw await explained(err, docker);
  });
  const shown = await docker.must("image", "inspect", "--format", "{{.Id}} {{.Size}}", name);
  const [image = "", size = "0"] = shown.trim().split(" ");
  const digest = createHash("sha256").update(`${made.digest} ${image}`).digest("hex");
  const record: ImageRecord = {
    ...{ tag, commit, image, name },
    digest: `sha256:${digest}`,
    treeDigest: made.digest,
    sizeBytes: made.sizeBytes + Number(size),
  };
  await writeImageRecord(stateDir, record);
  return record;
}

/** @throws FiberError ENGINE_UNREACHABLE */
async function askEngine(docker: Docker): Promise<void> {
  await docker.must("version", "--format", "{{.Server.Version}}");
}

/** A failed build with what to do, where it was not the release's own fault. */
async function explained(err: unknown, docker: Docker): Promise<unknown> {
  if (!(err instanceof FiberError) || err.code !== "BUILD_FAILED") return err;
  await askEngine(docker);
  const remedy = imageRemedy(err.message);
  return remedy === ""
    ? err
    : new FiberError("BUILD_FAILED", `${err.message}${remedy}`, { cause: err });
}

/**
 * The command that builds an image. Builds that fetch packages need the host's network where
 * containers have no name service of their own; without BuildKit a step that fails leaves its
 * container, unless it is told not to.
 */
export function buildCommand(about: {
  readonly dockerfile: string;
  readonly name: string;
  readonly tag: string;
  readonly commit: string;
}): string {
  const { dockerfile, name, tag, commit } = about;
  return [
    `docker build --force-rm --network host --file ${dockerfile} --tag ${name}`,
    `--build-arg FIBER_RELEASE=${tag} --build-arg FIBER_COMMIT=${commit}`,
    `--label ${RELEASE_LABEL}=${tag} --label ${COMMIT_LABEL}=${commit} .`,
  ].join(" ");
}
