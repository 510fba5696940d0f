import { FiberError } from "#contracts";
import {
  createReleaseStore,
  currentTag,
  type DataPorts,
  type Readiness,
  type ReadyItem,
  readReadiness,
} from "#rollback";
import { createLogger, systemClock } from "#runtime";
import { openDataPorts } from "../data-ports.js";
import { findProject, findRepositoryIfAny } from "../find-project.js";
import { openDriver } from "../open-driver.js";
import { locateStack } from "../stack-access.js";
import { paint, printResult } from "../terminal.js";

const COLOURS = { green: "green", amber: "yellow", red: "red" } as const;

/** `fiber ready`. */
export async function showReadiness({ json = false }: { json?: boolean }): Promise<void> {
  const { stateDir, socket } = await locateStack();
  const git = await findRepositoryIfAny();
  const project = findProject(git, stateDir);
  const driver = git === null ? null : openDriver({ stateDir, git, socket });
  const readiness = await readReadiness({
    ...{ stateDir, git, project },
    store: createReleaseStore(stateDir),
    findArtefact: async (tag) => (driver === null ? null : driver.find(tag)),
    running: await currentTag(stateDir),
    data: project.migrations === null ? null : await dataIfAny(),
    env: process.env,
    clock: systemClock,
    log: createLogger({ role: "fiber", level: "warn" }),
  });
  printResult(json, readiness, () => describe(readiness));
  if (readiness.light === "red") throw new FiberError("NOT_READY", readiness.summary);
}

async function dataIfAny(): Promise<DataPorts | null> {
  try {
    return (await openDataPorts()).ports;
  } catch (err) {
    if (err instanceof FiberError && err.code === "DATABASE_UNAVAILABLE") return null;
    throw err;
  }
}

function describe({ light, summary, items }: Readiness): string {
  const width = Math.max(...items.map((item) => item.title.length));
  const lines = items.map((item) => line(item, width));
  return [paint(COLOURS[light], summary), "", ...lines].join("\n");
}

function line({ light, title, reason, remedy }: ReadyItem, width: number): string {
  const mark = paint(COLOURS[light], light.padEnd(5));
  const todo = remedy === null ? "" : `\n${" ".repeat(7 + width + 2)}${paint("dim", remedy)}`;
  return `${mark}  ${title.padEnd(width)}  ${reason}${todo}`;
}
