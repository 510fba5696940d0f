import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  agentConfigSchema,
  deployedRelease,
  type Stack,
  type StackOptions,
  startStack,
  treeRelease,
} from "#agent";
import { currentTag } from "#rollback";
import {
  createLogger,
  loadConfig,
  makeStateFolder,
  packageRoot,
  packageVersion,
  systemClock,
} from "#runtime";
import { awaitProbes } from "../await-probes.js";
import { createDemoPlanner } from "../plan-demo-probes.js";
import { selfCommand, selfName } from "../self-command.js";
import { locateStack } from "../stack-access.js";
import { paint, printResult, tell } from "../terminal.js";

/** npm passes the terminal's Ctrl-C on, so one press arrives twice. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Runs the stack until it is told to stop: by a signal, or by `fiber down`. The release that was
 * deployed last is what is started, or with `tree`, and before the first deployment, the working
 * tree.
 */
export async function runUp({
  json = false,
  tree = false,
  log: ingestLog,
}: {
  json?: boolean;
  tree?: boolean;
  log?: "direct" | "jetstream";
}): Promise<void> {
  const options = await stackOptions(tree, ingestLog);
  const interrupted = new AbortController();
  let stack: Stack | null = null;
  let firstSignalAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstSignalAt !== null) {
      if (Date.now() - firstSignalAt > SAME_SIGNAL_MS) options.say("already stopping");
      return;
    }
    firstSignalAt = Date.now();
    if (stack === null) interrupted.abort(new Error(signal));
    else void stack.stop(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  try {
    stack = await startStack(options, interrupted.signal);
  } catch (err) {
    if (!interrupted.signal.aborted) throw err;
    return tell("stopped");
  }
  const ended = new AbortController();
  void stack.stopped.then(() => ended.abort());
  announce(stack, json);
  await awaitProbes(stack.status(), options, ended.signal);
  await stack.stopped;
  tell("stopped");
}

/** What the supervisor is given on this machine; with `tree` it runs the working tree. */
export async function stackOptions(tree: boolean, ingestLog?: string): Promise<StackOptions> {
  const env =
    ingestLog === undefined ? process.env : { ...process.env, FIBER_INGEST_LOG: ingestLog };
  const config = loadConfig(agentConfigSchema, env);
  const inClone = existsSync(join(packageRoot, ".git"));
  const paths = await locateStack();
  makeStateFolder(paths.stateDir);
  const log = createLogger({ role: "agent", level: config.FIBER_LOG_LEVEL, file: paths.agentLog });
  const say = (line: string) => {
    const time = new Date().toTimeString().slice(0, 8);
    tell(`${paint("dim", time, process.stderr)}  ${line}`);
  };
  const deployed = tree ? null : await deployedRelease(paths.stateDir);
  const release =
    deployed ?? treeRelease(process.env.FIBER_RELEASE || (inClone ? "dev" : `v${packageVersion}`));
  const current = await currentTag(paths.stateDir);
  if (current !== null) say(whatRuns(current, tree));
  return {
    config,
    paths,
    command: selfCommand(),
    commandName: selfName(),
    release,
    log,
    clock: systemClock,
    say,
    planProbes: createDemoPlanner({ paths, log, say }),
  };
}

function whatRuns(deployed: string, tree: boolean): string {
  return tree
    ? `starting the working tree instead of ${deployed}, which was deployed last; the next ` +
        "`fiber up` starts that again"
    : `starting ${deployed}, which was deployed last; \`fiber up --tree\` runs the working tree`;
}

function announce(stack: Stack, json: boolean): void {
  const status = stack.status();
  printResult(json, status, () =>
    [
      "",
      `  Dashboard  ${paint("bold", status.urls.dashboard)}`,
      `  API        ${status.urls.api}/docs`,
      `  State      ${status.state_folder}`,
      "",
      `  Stop with Ctrl-C, or \`${selfName()} down\`. More: \`${selfName()} status\`, \`${selfName()} logs\`.`,
      "",
    ].join("\n"),
  );
}
