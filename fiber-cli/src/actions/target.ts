import { FiberError } from "#contracts";
import { type Measurement, measureOnce, type TargetInput } from "#probe";
import { askAgent, createLogger } from "#runtime";
import { confirm } from "../ask.js";
import { EXIT } from "../exit-codes.js";
import { locateStack } from "../stack-access.js";
import { openTargetFile, targetFilePath } from "../target-file.js";
import { shapeTarget, type TargetOptions } from "../target-shape.js";
import { formatTable, printResult, tell } from "../terminal.js";

interface FileOptions {
  readonly file?: string;
  readonly json?: boolean;
}

/** Lists the targets of a probe.yaml. */
export async function list({ file, json = false }: FileOptions): Promise<void> {
  const { path, targets } = openTargetFile(targetFilePath(file));
  printResult(json, targets, () =>
    targets.length === 0
      ? `No targets in ${path}. Add one: fiber target add HOST`
      : formatTable([
          ["CHECK", "HOST", "LABEL"],
          ...targets.map((target) => [target.check, target.host, target.label ?? "-"]),
        ]),
  );
}

/** Adds a target to a probe.yaml. */
export async function add(
  host: string,
  options: FileOptions & TargetOptions & { readonly dryRun?: boolean },
): Promise<void> {
  const { dryRun = false, json = false } = options;
  const file = openTargetFile(targetFilePath(options.file));
  const target = shapeTarget(host, options);
  const same = file.targets.find(
    (known) => known.check === target.check && nameOf(known) === nameOf(target),
  );
  if (same !== undefined) {
    throw new FiberError(
      "TARGET_EXISTS",
      `${file.path} already measures ${nameOf(target)} by ${target.check}. Give it another --label or --check.`,
    );
  }
  if (!dryRun) {
    file.add(target);
    file.save();
    await reloadStack();
  }
  const did = dryRun ? "To add" : "Added";
  printResult(json, target, () => `${did} to ${file.path}: ${JSON.stringify(target)}`);
}

/** Removes a target from a probe.yaml, after asking. */
export async function remove(
  host: string,
  options: FileOptions & {
    readonly check?: string;
    readonly dryRun?: boolean;
    readonly yes?: boolean;
  },
): Promise<void> {
  const { dryRun = false, yes = false, json = false } = options;
  const file = openTargetFile(targetFilePath(options.file));
  const matches = file.targets
    .map((target, index) => ({ target, index }))
    .filter(({ target }) => target.host === host || target.label === host)
    .filter(({ target }) => options.check === undefined || target.check === options.check);
  const [match, ...others] = matches;
  if (match === undefined) {
    throw new FiberError("TARGET_NOT_FOUND", `${file.path} has no target "${host}".`);
  }
  if (others.length > 0) {
    const checks = matches.map(({ target }) => `${target.check} ${nameOf(target)}`).join(", ");
    throw new FiberError(
      "USAGE",
      `"${host}" is ambiguous (${checks}). Add --check or use a label.`,
    );
  }
  if (!dryRun) {
    await confirm(`Remove ${nameOf(match.target)} (${match.target.check}) from ${file.path}?`, yes);
    file.remove(match.index);
    file.save();
    await reloadStack();
  }
  const did = dryRun ? "To remove" : "Removed";
  printResult(json, match.target, () => `${did} from ${file.path}: ${nameOf(match.target)}`);
}

/** Measures a target once from here; exit code 1 when nothing came back. */
export async function test(
  host: string,
  options: TargetOptions & { readonly json?: boolean },
): Promise<void> {
  const log = createLogger({ role: "target-test", level: "error" });
  const { target, measurement } = await measureOnce(shapeTarget(host, options), log);
  const answered = measurement.kind === "measured" && measurement.figures.received > 0;
  if (!answered) process.exitCode = EXIT.failed;
  printResult(
    options.json ?? false,
    { target: target.name, check: target.check, ...measurement },
    () =>
      [`${target.check} ${target.name}: ${describe(measurement)}`, ...detailsOf(measurement)].join(
        "\n",
      ),
  );
}

function describe(measurement: Measurement): string {
  if (measurement.kind === "unable") return `cannot be measured from here: ${measurement.reason}`;
  const { sent, received, lossPct, latencyMs, minMs, maxMs } = measurement.figures;
  const came = `${received} of ${sent} answered, loss ${lossPct} %`;
  return latencyMs === null ? came : `${latencyMs} ms (${minMs} to ${maxMs}), ${came}`;
}

function detailsOf(measurement: Measurement): string[] {
  if (measurement.kind === "unable") return [];
  const { phases = {}, facts = {}, failures = [] } = measurement.notes;
  return [
    ...Object.entries(phases).map(([phase, ms]) => `  ${phase}  ${ms}`),
    ...Object.entries(facts).map(([fact, value]) => `  ${fact}  ${value}`),
    ...failures.map((failure) => `  ${JSON.stringify(failure)}`),
  ];
}

/** What samples call a target. */
function nameOf(target: TargetInput): string {
  return target.label ?? target.host;
}

/** A running stack of this installation reads the file again; others wait for their HUP. */
async function reloadStack(): Promise<void> {
  const { socket } = await locateStack();
  const answer = (await askAgent(socket, "POST", "/reload")) as {
    readonly reloaded?: readonly string[];
  } | null;
  if (answer?.reloaded?.length) tell(`the running stack reloaded ${answer.reloaded.join(", ")}`);
}
