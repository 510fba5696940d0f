import { type Logger, runCommand } from "#runtime";
import { type IcmpTiming, icmpTiming } from "../config/round-budget.js";
import { familyOf, fpingCommand, fpingInput, parseFping } from "./fping.js";
import { parsePing, pingCommand } from "./ping.js";

/** Echo requests to a list of addresses that share count and time-out. */
interface IcmpRound {
  /** Literal addresses, each once. */
  readonly addresses: readonly string[];
  readonly count: number;
  readonly timeoutMs: number;
  readonly intervalMs: number;
}

/** Round trips (ms, null for a lost packet) by address, or why nothing could be measured. */
type IcmpResult =
  | { readonly kind: "measured"; readonly rtts: ReadonlyMap<string, readonly (number | null)[]> }
  | { readonly kind: "unable"; readonly reason: string };

/** The program that sends echo requests for us: Node has no raw sockets. */
export interface Icmp {
  /** Never rejects. Loss of everything is believed only after a self-test on 127.0.0.1. */
  run(round: IcmpRound, signal: AbortSignal): Promise<IcmpResult>;
  /** Which program works on this machine, decided anew. */
  selfTest(): Promise<IcmpEngine>;
}

/** A program that answered the self-test, or why none does. */
type IcmpEngine =
  | { readonly kind: "fping" | "ping" }
  | { readonly kind: "none"; readonly reason: string };

const ENVIRONMENT = { LC_ALL: "C" };
const SELF_TEST = { count: 2, timeoutMs: 1_000, intervalMs: 2_000 };
/** After this long a fallback asks again whether the better program works, ms. */
const RETRY_ENGINE_MS = 300_000;
/** Processes of `ping` at a time. */
const PINGS_AT_ONCE = 16;

/** See {@link Icmp}. */
export function createIcmp(log: Logger): Icmp {
  let engine: IcmpEngine | null = null;
  let decidedMs = Number.NEGATIVE_INFINITY;

  const selfTest = async (): Promise<IcmpEngine> => {
    const before = engine;
    engine = await findEngine();
    decidedMs = performance.now();
    if (before?.kind !== engine.kind) logEngine(log, engine);
    return engine;
  };

  return {
    selfTest,
    async run(round, signal) {
      const age = performance.now() - decidedMs;
      const stale = engine === null || engine.kind === "none" || age > RETRY_ENGINE_MS;
      let chosen = stale || engine === null ? await selfTest() : engine;
      for (let attempt = 0; ; attempt++) {
        if (chosen.kind === "none") return { kind: "unable", reason: chosen.reason };
        const result = await (chosen.kind === "fping" ? runFping : runPing)(round, signal);
        const suspicious = result.kind === "unable" || nothingCameBack(result.rtts);
        if (!suspicious || signal.aborted) return result;
        // 100 % loss may be our own missing right to send: ask a target that always answers.
        const used: IcmpEngine["kind"] = chosen.kind;
        chosen = await selfTest();
        if (chosen.kind === used || attempt > 0) return result;
      }
    },
  };
}

function logEngine(log: Logger, engine: IcmpEngine): void {
  if (engine.kind === "none") {
    log.error({ reason: engine.reason }, "icmp checks are unable to run");
  } else if (engine.kind === "ping") {
    log.warn("fping does not work here; icmp checks use ping, at ten times the cost");
  } else {
    log.info("icmp checks use fping");
  }
}

function nothingCameBack(rtts: ReadonlyMap<string, readonly (number | null)[]>): boolean {
  for (const list of rtts.values()) if (list.some((rtt) => rtt !== null)) return false;
  return true;
}

/** Tries fping, then ping, on 127.0.0.1. */
async function findEngine(): Promise<IcmpEngine> {
  const round: IcmpRound = { addresses: ["127.0.0.1"], ...SELF_TEST };
  const reasons: string[] = [];
  for (const [kind, run] of [
    ["fping", runFping],
    ["ping", runPing],
  ] as const) {
    const result = await run(round, AbortSignal.timeout(10_000));
    if (result.kind === "measured" && !nothingCameBack(result.rtts)) return { kind };
    reasons.push(
      result.kind === "unable"
        ? result.reason
        : `${kind} gets no answer from 127.0.0.1 (it may lack CAP_NET_RAW)`,
    );
  }
  return { kind: "none", reason: reasons.join("; ") };
}

async function runFping(round: IcmpRound, signal: AbortSignal): Promise<IcmpResult> {
  const timing = timingOf(round);
  const rtts = new Map<string, readonly (number | null)[]>();
  const groups = [4, 6].flatMap((family) =>
    chunk(
      round.addresses.filter((address) => familyOf(address) === family),
      timing.targetsPerProcess,
    ),
  );
  const results = await Promise.all(groups.map((group) => fpingGroup(round, group, signal)));
  for (const result of results) {
    if (result.kind === "unable") return result;
    for (const [address, list] of result.rtts) rtts.set(address, list);
  }
  return { kind: "measured", rtts };
}

async function fpingGroup(
  round: IcmpRound,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<IcmpResult> {
  const { count, timeoutMs } = round;
  const { periodMs } = timingOf(round);
  const family = familyOf(addresses[0] ?? "");
  const result = await runCommand(fpingCommand({ family, count, timeoutMs, periodMs }), {
    input: fpingInput(addresses),
    env: ENVIRONMENT,
    timeoutMs: longestMs(round, addresses.length),
    signal,
  });
  // 0: all answered, 1: some did not; both are measurements.
  if (result.exitCode !== 0 && result.exitCode !== 1) {
    return { kind: "unable", reason: describeFailure("fping", result) };
  }
  // Version 5.1 prints results on stderr, others on stdout.
  const rtts = parseFping(`${result.stdout}\n${result.stderr}`, count);
  const silent = addresses.filter((address) => !rtts.has(address));
  return silent.length === 0
    ? { kind: "measured", rtts }
    : { kind: "unable", reason: `fping printed nothing about ${silent[0]}` };
}

async function runPing(round: IcmpRound, signal: AbortSignal): Promise<IcmpResult> {
  const rtts = new Map<string, readonly (number | null)[]>();
  const queue = [...round.addresses];
  const failures: string[] = [];
  const drain = async () => {
    for (let address = queue.shift(); address !== undefined; address = queue.shift()) {
      const result = await pingAddress(round, address, signal);
      if (typeof result === "string") failures.push(result);
      else rtts.set(address, result);
    }
  };
  await Promise.all(Array.from({ length: PINGS_AT_ONCE }, drain));
  const [failure] = failures;
  return failure === undefined ? { kind: "measured", rtts } : { kind: "unable", reason: failure };
}

/** The address's round trips, or the reason why ping could not run. */
async function pingAddress(
  round: IcmpRound,
  address: string,
  signal: AbortSignal,
): Promise<readonly (number | null)[] | string> {
  const { count, timeoutMs } = round;
  const { periodMs } = timingOf(round);
  const family = familyOf(address);
  const result = await runCommand(pingCommand({ address, family, count, timeoutMs, periodMs }), {
    env: ENVIRONMENT,
    timeoutMs: longestMs(round, 1) + count * 200,
    signal,
  });
  const ran = result.exitCode === 0 || result.exitCode === 1;
  return ran ? parsePing(result.stdout, count) : describeFailure("ping", result);
}

function describeFailure(program: string, result: Awaited<ReturnType<typeof runCommand>>): string {
  if (result.startError === "ENOENT") return `${program} is not installed`;
  if (result.timedOut) return `${program} did not end in time`;
  const tail = result.stderr.trim().split("\n").at(-1) ?? "";
  return `${program} ended with ${result.exitCode ?? "a signal"}: ${tail}`.slice(0, 200);
}

/** Longest a process may take before it counts as stuck, ms. */
function longestMs(round: IcmpRound, targets: number): number {
  return round.count * timingOf(round).periodMs + targets + round.timeoutMs + 5_000;
}

function timingOf(round: IcmpRound): IcmpTiming {
  const timing = icmpTiming(round.count, round.timeoutMs, round.intervalMs);
  // Configurations that do not fit are refused before they get here; be slow rather than wrong.
  return timing ?? { periodMs: 1_000, targetsPerProcess: 1_000 };
}

/** Even parts, none longer than `most`. */
function chunk<T>(list: readonly T[], most: number): readonly (readonly T[])[] {
  const size = Math.ceil(list.length / Math.ceil(list.length / most));
  const parts: (readonly T[])[] = [];
  for (let i = 0; i < list.length; i += size) parts.push(list.slice(i, i + size));
  return parts;
}
