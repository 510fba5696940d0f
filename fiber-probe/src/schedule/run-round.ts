import { createHash } from "node:crypto";
import type { AddressBook } from "../checks/address-book.js";
import type { CheckWorker } from "../checks/check-worker.js";
import { figuresOf, type Measurement, measurementOf } from "../checks/figures.js";
import type { Icmp } from "../checks/icmp.js";
import { probePeriodMs, SPREAD_SHARE } from "../config/round-budget.js";
import type { IcmpTarget, Target, WorkerTarget } from "../config/target.js";

/** What a round measures with. */
export interface RoundTools {
  readonly icmp: Icmp;
  readonly worker: CheckWorker;
  readonly addresses: AddressBook;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A target with what the round found. */
export interface TargetResult {
  readonly target: Target;
  readonly measurement: Measurement;
}

/** Measures every target once. Resolves when the last is done, within 95 % of the interval. */
export async function runRound(
  targets: readonly Target[],
  intervalMs: number,
  tools: RoundTools,
  signal: AbortSignal,
): Promise<readonly TargetResult[]> {
  const icmp = targets.filter((target) => target.check === "icmp");
  const others = targets.filter((target) => target.check !== "icmp");
  const [pinged, probed] = await Promise.all([
    runIcmp(icmp, intervalMs, tools, signal),
    Promise.all(others.map((target) => runInWorker(target, intervalMs, tools, signal))),
  ]);
  return [...pinged, ...probed];
}

async function runInWorker(
  target: WorkerTarget,
  intervalMs: number,
  { worker, sleep }: RoundTools,
  signal: AbortSignal,
): Promise<TargetResult> {
  await sleep(startOffsetMs(target, intervalMs), signal);
  if (signal.aborted) {
    return { target, measurement: { kind: "unable", reason: "the probe is stopping" } };
  }
  const outcomes = await worker.run(target, probePeriodMs(target.count, intervalMs));
  return { target, measurement: measurementOf(outcomes) };
}

/** Spreads the starts: the same target starts at the same place in every round. */
function startOffsetMs(target: Target, intervalMs: number): number {
  const digest = createHash("sha256").update(`${target.check} ${target.name}`).digest();
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * intervalMs * SPREAD_SHARE);
}

async function runIcmp(
  targets: readonly IcmpTarget[],
  intervalMs: number,
  { icmp, addresses }: RoundTools,
  signal: AbortSignal,
): Promise<readonly TargetResult[]> {
  const located = await Promise.all(
    targets.map(async (target) => ({ target, found: await addresses.addressOf(target.host) })),
  );
  const results: TargetResult[] = [];
  const groups = new Map<string, { target: IcmpTarget; address: string }[]>();
  for (const { target, found } of located) {
    if ("reason" in found) {
      results.push({ target, measurement: unresolved(target, found.reason) });
      continue;
    }
    const key = `${target.count} ${target.timeoutMs}`;
    const group = groups.get(key) ?? [];
    group.push({ target, address: found.address });
    groups.set(key, group);
  }
  const measured = await Promise.all(
    [...groups.values()].map((group) => runGroup(group, intervalMs, icmp, signal)),
  );
  return [...results, ...measured.flat()];
}

async function runGroup(
  group: readonly { readonly target: IcmpTarget; readonly address: string }[],
  intervalMs: number,
  icmp: Icmp,
  signal: AbortSignal,
): Promise<readonly TargetResult[]> {
  const [first] = group;
  if (first === undefined) return [];
  const { count, timeoutMs } = first.target;
  const unique = [...new Set(group.map(({ address }) => address))];
  const result = await icmp.run({ addresses: unique, count, timeoutMs, intervalMs }, signal);
  return group.map(({ target, address }) => {
    if (result.kind === "unable") return { target, measurement: result };
    const rtts = result.rtts.get(address) ?? [];
    const figures = figuresOf(rtts);
    const lost = figures.sent - figures.received;
    const notes = {
      ...(address === target.host ? {} : { facts: { address } }),
      ...(lost === 0 ? {} : { failures: [{ kind: "timeout" as const, count: lost }] }),
    };
    return { target, measurement: { kind: "measured", figures, notes } };
  });
}

/** A name without an address is a failure of the target: nothing can reach it. */
function unresolved(target: IcmpTarget, reason: string): Measurement {
  const figures = figuresOf(new Array<null>(target.count).fill(null));
  return {
    kind: "measured",
    figures,
    notes: { failures: [{ kind: "failed", count: target.count, reason }] },
  };
}
