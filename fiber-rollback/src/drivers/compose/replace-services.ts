import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { FiberError } from "#contracts";
import type { ComposeSpec } from "../../project/compose-spec.js";
import { releaseTree } from "../../releases/release-places.js";
import { createReleaseStore } from "../../releases/release-store.js";
import { awaitServices, type Container, listContainers } from "./containers.js";
import type { Docker } from "./docker.js";
import type { ImageRecord } from "./image-record.js";
import { type ReleasedProject, readReleased } from "./released-project.js";

/** Puts services of a release in the place of another's. */
export interface Replacer {
  /** Whether every service of the release runs, and is of its image. */
  runs(record: ImageRecord): Promise<boolean>;
  /**
   * Removes the services that run and creates those of the release; what they need beside them is
   * started first. When one does not come up, the old release is put back.
   *
   * @returns the longest time that a service was away, as an upper bound, ms; null when none ran
   * @throws FiberError SWITCH_FAILED, ENGINE_UNREACHABLE
   */
  replace(
    record: ImageRecord,
    about: { readonly old: ImageRecord | null; readonly writerStopped: boolean },
  ): Promise<number | null>;
  stop(spec: ComposeSpec): Promise<void>;
  /** Starts the services of a release that were stopped, or makes them anew where they are gone. */
  start(record: ImageRecord): Promise<void>;
}

const DEFAULT_START_MS = 60_000;
const STOP_S = 15;

/** See {@link Replacer}. */
export function createReplacer(deps: {
  readonly docker: Docker;
  readonly stateDir: string;
}): Replacer {
  const { docker, stateDir } = deps;
  const releaseOf = (record: ImageRecord) => readReleased(releaseTree(stateDir, record.tag));

  async function ours({ spec }: ReleasedProject): Promise<readonly Container[]> {
    const all = await listContainers(docker, spec.project);
    return all.filter((one) => spec.services.includes(one.service));
  }

  async function runs(record: ImageRecord): Promise<boolean> {
    const released = releaseOf(record);
    const containers = await ours(released);
    return released.spec.services.every((service) =>
      containers.some((one) => one.service === service && isWhole(one, record)),
    );
  }

  async function up(
    record: ImageRecord,
    services: readonly string[],
    how: readonly string[],
  ): Promise<void> {
    const { tree, spec } = releaseOf(record);
    const file = ["--project-name", spec.project, "--file", join(tree, spec.file)];
    // 1.29 refuses --detach beside --no-start.
    const detach = how.includes("--no-start") ? [] : ["--detach"];
    const base = ["up", ...detach, "--no-build", "--no-recreate", ...how];
    await docker.compose([...file, ...base, ...services], await surroundings(record));
  }

  /** What the compose file of a release is told. */
  async function surroundings(record: ImageRecord): Promise<Readonly<Record<string, string>>> {
    const known = await createReleaseStore(stateDir).read(record.tag);
    return {
      FIBER_IMAGE: record.name,
      FIBER_RELEASE: record.tag,
      FIBER_STATE_DIR: stateDir,
      FIBER_SCHEMA_COMPATIBLE: (known?.compatibleWith ?? []).map(({ head }) => head).join(","),
    };
  }

  /** Database, queue and whatever else is no part of the release: started, never replaced. */
  async function startOthers(record: ImageRecord): Promise<void> {
    const released = releaseOf(record);
    const others = servicesIn(released).filter((name) => !released.spec.services.includes(name));
    const containers = await listContainers(docker, released.spec.project);
    const idle = others.filter(
      (name) => !containers.some((one) => one.service === name && one.status === "running"),
    );
    if (idle.length > 0) await up(record, idle, []);
    await awaitServices(docker, {
      project: released.spec.project,
      services: new Map(others.map((name) => [name, DEFAULT_START_MS])),
    });
  }

  async function removeOurs(released: ReleasedProject): Promise<boolean> {
    const containers = await ours(released);
    const ids = containers.map((one) => one.id);
    if (ids.length === 0) return false;
    const running = containers.filter((one) => one.status === "running").map((one) => one.id);
    if (running.length > 0) await docker.must("stop", "--time", String(STOP_S), ...running);
    await docker.must("rm", "--force", ...ids);
    return running.length > 0;
  }

  async function startServices(record: ImageRecord, services: readonly string[]): Promise<void> {
    const { spec, startMs } = releaseOf(record);
    await up(record, services, ["--no-deps"]);
    await awaitServices(docker, {
      project: spec.project,
      services: new Map(services.map((name) => [name, startMs.get(name) ?? DEFAULT_START_MS])),
    });
  }

  /** The old release again, its writers stopped when a run had stopped them. */
  async function putBack(old: ImageRecord, writerStopped: boolean): Promise<void> {
    const { spec } = releaseOf(old);
    const writers = writerStopped ? spec.writers : [];
    await removeOurs(releaseOf(old));
    if (writers.length > 0) await up(old, writers, ["--no-deps", "--no-start"]);
    const rest = spec.services.filter((name) => !writers.includes(name));
    if (rest.length > 0) await startServices(old, rest);
  }

  return {
    runs,
    async replace(record, { old, writerStopped }) {
      try {
        await startOthers(record);
      } catch (err) {
        if (!isAboutContainers(err)) throw err;
        throw new FiberError(
          "SWITCH_FAILED",
          `${record.tag} cannot start, and nothing that runs was touched: ${err.message}`,
          { cause: err },
        );
      }
      const begunMs = performance.now();
      let ran = false;
      try {
        // Services that only the old release knows go too.
        if (old !== null) ran = await removeOurs(releaseOf(old));
        ran = (await removeOurs(releaseOf(record))) || ran;
        await startServices(record, releaseOf(record).spec.services);
      } catch (err) {
        if (!isAboutContainers(err)) throw err;
        throw await goBack(err, { record, old, writerStopped });
      }
      return ran ? Math.round(performance.now() - begunMs) : null;
    },
    async stop({ project, writers }) {
      const all = await listContainers(docker, project);
      const ids = all
        .filter((one) => writers.includes(one.service) && one.status !== "exited")
        .map((one) => one.id);
      if (ids.length > 0) await docker.must("stop", "--time", String(STOP_S), ...ids);
    },
    async start(record) {
      if (!(await runs(record))) await startServices(record, releaseOf(record).spec.services);
    },
  };

  async function goBack(
    cause: FiberError,
    about: {
      readonly record: ImageRecord;
      readonly old: ImageRecord | null;
      readonly writerStopped: boolean;
    },
  ): Promise<FiberError> {
    const { record, old, writerStopped } = about;
    await removeOurs(releaseOf(record));
    const standing = old === null ? "nothing runs" : await putBackIfItCan(old, writerStopped);
    return new FiberError(
      "SWITCH_FAILED",
      `${record.tag} does not start, and ${standing}: ${cause.message}`,
      { cause },
    );
  }

  /** Puts the old release back and says what came of it. */
  async function putBackIfItCan(old: ImageRecord, writerStopped: boolean): Promise<string> {
    try {
      await putBack(old, writerStopped);
      return `${old.tag} runs again${writerStopped ? ", its writers stopped as before" : ""}`;
    } catch (err) {
      if (!isAboutContainers(err)) throw err;
      return `${old.tag} does not come up either (${err.message})`;
    }
  }
}

/** Whether an error is about the containers of a release: with the engine away there is no way back. */
function isAboutContainers(err: unknown): err is FiberError {
  return err instanceof FiberError && err.code !== "ENGINE_UNREACHABLE";
}

function isWhole(container: Container, record: ImageRecord): boolean {
  return (
    container.image === record.image &&
    container.status === "running" &&
    container.health !== "unhealthy"
  );
}

const composeFileSchema = z.looseObject({ services: z.record(z.string(), z.unknown()) });

function servicesIn({ tree, spec }: ReleasedProject): readonly string[] {
  const path = join(tree, spec.file);
  const parsed = composeFileSchema.safeParse(parse(readFileSync(path, "utf8"), { merge: true }));
  if (parsed.success) return Object.keys(parsed.data.services);
  throw new FiberError("PROJECT_FILE_INVALID", `${path} names no services.`);
}
