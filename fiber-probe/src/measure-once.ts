import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import { createAddressBook } from "./checks/address-book.js";
import { createCheckWorker } from "./checks/check-worker.js";
import type { Measurement } from "./checks/figures.js";
import { createIcmp } from "./checks/icmp.js";
import { buildConfig } from "./config/build-config.js";
import { probeConfigSchema, type TargetInput } from "./config/schema.js";
import type { Target } from "./config/target.js";
import { runRound } from "./schedule/run-round.js";

/** Room for every check's longest time-out. */
const INTERVAL = "60s";

/**
 * Measures a target for one round from this machine, as a probe would; nothing is stored or sent.
 *
 * @throws FiberError CONFIG_INVALID for a target that a probe.yaml could not hold
 */
export async function measureOnce(
  input: TargetInput,
  log: Logger,
): Promise<{ readonly target: Target; readonly measurement: Measurement }> {
  const { target, intervalMs } = readTarget(input);
  const worker = createCheckWorker(log);
  try {
    const tools = {
      icmp: createIcmp(log),
      worker,
      addresses: createAddressBook(),
      // A single target need not be spread over its round.
      sleep: async () => undefined,
    };
    const [result] = await runRound([target], intervalMs, tools, new AbortController().signal);
    if (result === undefined) throw new FiberError("INTERNAL", `${target.name} was not measured`);
    return result;
  } finally {
    await worker.close();
  }
}

function readTarget(input: TargetInput): { target: Target; intervalMs: number } {
  const document = probeConfigSchema.safeParse({
    node_id: "once",
    country: "ZZ",
    region: "here",
    uplinks: [{ url: "http://localhost", token_env: "TOKEN" }],
    interval: INTERVAL,
    targets: [input],
  });
  if (!document.success) {
    throw invalid(
      document.error.issues.map(({ path, message }) => `${path.slice(2).join(".")}: ${message}`),
    );
  }
  const { config, problems } = buildConfig(document.data, { path: "/", env: { TOKEN: "none" } });
  const [target] = config.targets;
  if (problems.length > 0 || target === undefined) throw invalid(problems.map((p) => p.message));
  return { target, intervalMs: config.intervalMs };
}

function invalid(problems: readonly string[]): FiberError {
  return new FiberError("CONFIG_INVALID", `The target is not usable:\n  ${problems.join("\n  ")}`);
}
