import type { Heartbeat } from "#contracts";
import { type Clock, type Logger, packageVersion, type Running } from "#runtime";
import { createAddressBook } from "./checks/address-book.js";
import { createCheckWorker } from "./checks/check-worker.js";
import { createIcmp } from "./checks/icmp.js";
import type { ProbeConfig } from "./config/build-config.js";
import { loadProbeConfig } from "./config/load-probe-config.js";
import { roundSamples } from "./schedule/round-samples.js";
import { runRound, type TargetResult } from "./schedule/run-round.js";
import { startScheduler } from "./schedule/scheduler.js";
import { openSpool } from "./spool/spool.js";
import type { SpoolCounts } from "./spool/spool-state.js";
import { HEARTBEAT_INTERVAL_MS, startHeartbeats } from "./uplink/heartbeat.js";
import { createOwnUplink, type UplinkState } from "./uplink/own-uplink.js";
import { createJsonPoster } from "./uplink/post-json.js";
import { startSender } from "./uplink/sender.js";
import { createUplinkChoice } from "./uplink/uplink-choice.js";

/** What a probe is started with. */
export interface ProbeOptions {
  readonly config: ProbeConfig;
  /** The probe.yaml that a reload reads again. */
  readonly configPath: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Environment that a reload reads tokens and overrides from. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** How a probe is doing. */
interface ProbeStatus {
  readonly rounds: number;
  /** Rounds that were not begun because the one before was still running. */
  readonly skipped: number;
  readonly uplink: UplinkState;
  readonly unable: Heartbeat["unable"];
  readonly spool: SpoolCounts;
}

/** A running probe; `reload` keeps the old configuration when the new one is not usable. */
export interface RunningProbe extends Running {
  reload(): Promise<void>;
  status(): ProbeStatus;
}

/**
 * Starts measuring, spooling and sending.
 *
 * @throws FiberError SPOOL_LOCKED, SPOOL_UNUSABLE
 */
export async function startProbe(options: ProbeOptions): Promise<RunningProbe> {
  const { configPath, log, clock, env = process.env } = options;
  let { config } = options;
  const stopping = new AbortController();
  const spool = openSpool({ ...config.spool, log });
  const icmp = createIcmp(log);
  const worker = createCheckWorker(log);
  const addresses = createAddressBook();
  const poster = createJsonPoster();
  const random = Math.random;
  const choice = createUplinkChoice(config.uplinks, { log, now: clock.now, random });
  const ownUplink = createOwnUplink({
    icmp,
    uplinkUrls: () => config.uplinks.map(({ url }) => url),
    signal: stopping.signal,
  });
  let uplink: UplinkState = "unknown";
  let unable: Heartbeat["unable"] = [];

  const lookAtUplink = async (maxAgeMs: number) => {
    const next = await ownUplink.state(maxAgeMs);
    if (next !== uplink) {
      const level = next === "down" ? "error" : "info";
      log[level]({ uplink: next }, "own uplink");
      uplink = next;
    }
    return next;
  };

  const heartbeats = startHeartbeats({
    describe: async () => {
      await lookAtUplink(HEARTBEAT_INTERVAL_MS / 2);
      return describeProbe(config, { uplink, unable, spool: spool.counts() });
    },
    ...{ choice, poster, clock, log, random },
  });
  // The first heartbeat tells the API where a new node stands; its samples come after.
  const sender = startSender({ spool, choice, poster, clock, log, after: heartbeats.first });

  const round = async (signal: AbortSignal) => {
    const { intervalMs, targets } = config;
    const startedAtMs = clock.now();
    const tools = { icmp, worker, addresses, sleep: clock.sleep };
    const results = await runRound(targets, intervalMs, tools, signal);
    // A round that was cut short says nothing about its targets.
    if (signal.aborted) return;
    const nextUnable = listUnable(results);
    const changed = JSON.stringify(nextUnable) !== JSON.stringify(unable);
    if (changed) logUnable(log, nextUnable);
    unable = nextUnable;
    const state = await lookAtUplink(allLost(results) ? 2_000 : 2 * HEARTBEAT_INTERVAL_MS);
    const samples = roundSamples(config, results, { startedAtMs, uplinkDown: state === "down" });
    spool.append(samples.map((sample) => JSON.stringify(sample)));
    sender.wake();
    if (changed) heartbeats.beatNow();
  };
  const scheduler = startScheduler({
    intervalMs: config.intervalMs,
    round: (signal) =>
      round(signal).catch((err: unknown) => log.error({ err }, "round failed by a defect")),
    sleep: clock.sleep,
    onSkipped: (beats) =>
      log.warn({ beats, total: scheduler.counts().skipped }, "rounds skipped: still measuring"),
    random,
  });
  const { nodeId, intervalMs, targets } = config;
  log.info({ nodeId, intervalMs, targets: targets.length }, "probe measures");

  return {
    async reload() {
      const next = readNewConfig(configPath, env, config, log);
      if (next === null) return;
      config = next;
      choice.replace(next.uplinks);
      sender.wake();
      scheduler.setInterval(next.intervalMs);
      await icmp.selfTest();
      heartbeats.beatNow();
      log.info({ targets: next.targets.length }, "configuration reloaded");
    },
    status: () => ({ ...scheduler.counts(), uplink, unable, spool: spool.counts() }),
    async stop() {
      stopping.abort();
      const ended = scheduler.stop();
      await worker.close();
      await ended;
      await Promise.all([heartbeats.stop(), sender.stop()]);
      poster.close();
      spool.close();
    },
  };
}

/** The new configuration, or null (and a reason in the log) when the old one stays. */
function readNewConfig(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  old: ProbeConfig,
  log: Logger,
): ProbeConfig | null {
  let next: ProbeConfig;
  try {
    next = loadProbeConfig(path, env);
  } catch (error) {
    const reason = (error as Error).message;
    log.error({ reason }, "configuration is not usable; the old one stays");
    return null;
  }
  const fixed = [
    ...(next.nodeId === old.nodeId ? [] : ["node_id"]),
    ...(JSON.stringify(next.spool) === JSON.stringify(old.spool) ? [] : ["spool"]),
  ];
  if (fixed.length === 0) return next;
  log.error({ keys: fixed }, "these keys change only with a restart; the old configuration stays");
  return null;
}

function describeProbe(
  config: ProbeConfig,
  state: Pick<ProbeStatus, "uplink" | "unable" | "spool">,
): Heartbeat {
  const { samples, bytes, dropped } = state.spool;
  return {
    node_id: config.nodeId,
    country: config.country,
    region: config.region,
    ...(config.coordinates === undefined ? {} : { coordinates: [...config.coordinates] }),
    interval_ms: config.intervalMs,
    version: packageVersion,
    demo: config.demo,
    uplink: state.uplink,
    unable: state.unable,
    targets: config.targets.map(({ name, check, thresholds }) => ({
      target: name,
      check,
      ...(thresholds === undefined ? {} : { thresholds }),
    })),
    spool: { samples, bytes, dropped },
  };
}

/** The contract takes a thousand entries. */
function listUnable(results: readonly TargetResult[]): Heartbeat["unable"] {
  return results
    .flatMap(({ target, measurement }) =>
      measurement.kind === "unable"
        ? [{ target: target.name, check: target.check, reason: measurement.reason.slice(0, 500) }]
        : [],
    )
    .slice(0, 1_000);
}

function logUnable(log: Logger, unable: Heartbeat["unable"]): void {
  const [first] = unable;
  if (first === undefined) log.info("every check can run again");
  else log.error({ checks: unable.length, first }, "checks are unable to run; that is not loss");
}

function allLost(results: readonly TargetResult[]): boolean {
  const measured = results.filter(({ measurement }) => measurement.kind === "measured");
  return measured.every(
    ({ measurement }) => measurement.kind === "measured" && measurement.figures.received === 0,
  );
}
