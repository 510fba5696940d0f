import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { formatDuration } from "./duration.js";
import type { Endpoint } from "./endpoint.js";
import { icmpTiming, TIMEOUT_SHARE } from "./round-budget.js";
import type { ProbeDocument, targetSchema } from "./schema.js";
import type { Target } from "./target.js";

/** A place that takes samples. */
export interface UplinkConfig {
  readonly url: string;
  /** Variable that holds the token: named in messages, the token never is. */
  readonly tokenEnv: string;
  readonly token: string;
}

/** A probe's whole configuration. */
export interface ProbeConfig {
  readonly nodeId: string;
  readonly country: string;
  readonly region: string;
  /** [latitude, longitude] in degrees. */
  readonly coordinates?: readonly [number, number];
  readonly demo: boolean;
  readonly intervalMs: number;
  /** In order of preference. */
  readonly uplinks: readonly UplinkConfig[];
  readonly targets: readonly Target[];
  readonly spool: {
    /** Absolute path of the folder. */
    readonly path: string;
    readonly maxSamples: number;
    readonly maxBytes: number;
  };
}

/** Something that is wrong with a configuration; `path` leads to it in the document. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What is used where probe.yaml says nothing; docs/probe.md lists the same. */
export const PROBE_DEFAULTS = {
  intervalMs: 10_000,
  spoolPath: ".fiber/spool",
  maxSamples: 100_000,
  maxBytes: 64 * 1024 * 1024,
  count: { icmp: 10, tcp: 3, http: 1, dns: 3, tls: 1 },
  timeoutMs: { icmp: 2_000, tcp: 3_000, http: 5_000, dns: 3_000, tls: 5_000 },
  warnDays: 21,
  criticalDays: 7,
} as const;

type Environment = Readonly<Record<string, string | undefined>>;
type TargetDocument = z.output<typeof targetSchema>;

/** Turns a checked document into the configuration, with every problem that spans several keys. */
export function buildConfig(
  document: ProbeDocument,
  source: { readonly path: string; readonly env: Environment },
): { readonly config: ProbeConfig; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const intervalMs = document.interval ?? PROBE_DEFAULTS.intervalMs;
  const targets = (document.targets ?? []).map((target) => buildTarget(target, intervalMs));
  problems.push(...duplicateProblems(targets), ...timeoutProblems(targets, intervalMs));
  const uplinks = document.uplinks.map(({ url, token_env }, index) => {
    const token = source.env[token_env]?.trim() ?? "";
    if (!/^[\x21-\x7e]+$/.test(token)) {
      const state = token === "" ? "is not set" : "holds characters that no token has";
      problems.push({
        path: ["uplinks", index, "token_env"],
        message: `the variable ${token_env} ${state}; it must hold the probe's token`,
      });
    }
    return { url: url.replace(/\/+$/, ""), tokenEnv: token_env, token };
  });
  const { spool } = document;
  const config: ProbeConfig = {
    nodeId: document.node_id,
    country: document.country,
    region: document.region,
    ...(document.coordinates === undefined ? {} : { coordinates: document.coordinates }),
    demo: document.demo ?? false,
    intervalMs,
    uplinks,
    targets,
    spool: {
      path: resolve(dirname(source.path), spool?.path ?? PROBE_DEFAULTS.spoolPath),
      maxSamples: spool?.max_samples ?? PROBE_DEFAULTS.maxSamples,
      maxBytes: spool?.max_bytes ?? PROBE_DEFAULTS.maxBytes,
    },
  };
  return { config, problems };
}

function buildTarget(target: TargetDocument, intervalMs: number): Target {
  const host = typeof target.host === "string" ? target.host : target.host.text;
  const longest = Math.floor(intervalMs * (target.check === "icmp" ? 0.25 : TIMEOUT_SHARE));
  const base = {
    name: target.label ?? host,
    count: target.count ?? PROBE_DEFAULTS.count[target.check],
    timeoutMs: target.timeout ?? Math.min(PROBE_DEFAULTS.timeoutMs[target.check], longest),
    ...(target.thresholds === undefined ? {} : { thresholds: target.thresholds }),
  };
  switch (target.check) {
    case "icmp":
      return { ...base, check: "icmp", host: target.host };
    case "tcp": {
      const banner = target.expect === undefined ? {} : { banner: target.expect.banner };
      return { ...base, check: "tcp", endpoint: endpointOf(target.host), ...banner };
    }
    case "http":
      return {
        ...base,
        check: "http",
        url: target.host,
        verify: target.verify ?? true,
        ...(target.expect?.status === undefined ? {} : { status: target.expect.status }),
        ...(target.expect?.body === undefined ? {} : { body: target.expect.body }),
      };
    case "dns":
      return {
        ...base,
        check: "dns",
        question: target.host,
        recordType: target.record ?? "A",
        ...(target.server === undefined ? {} : { server: endpointOf(target.server) }),
        ...(target.expect === undefined ? {} : { record: target.expect.record }),
      };
    case "tls":
      return {
        ...base,
        check: "tls",
        endpoint: endpointOf(target.host),
        ...(target.server_name === undefined ? {} : { serverName: target.server_name }),
        warnDays: target.expiry?.warn_days ?? PROBE_DEFAULTS.warnDays,
        criticalDays: target.expiry?.critical_days ?? PROBE_DEFAULTS.criticalDays,
      };
  }
}

function endpointOf({ hostname, port }: Endpoint): Endpoint {
  return { hostname, port };
}

function duplicateProblems(targets: readonly Target[]): ConfigProblem[] {
  const seen = new Map<string, number>();
  return targets.flatMap((target, index) => {
    const identity = `${target.check} ${target.name}`;
    const first = seen.get(identity);
    if (first === undefined) {
      seen.set(identity, index);
      return [];
    }
    const message = `the same ${target.check} target as number ${first + 1}, "${target.name}"; remove it or give it a label of its own`;
    return [{ path: ["targets", index], message }];
  });
}

function timeoutProblems(targets: readonly Target[], intervalMs: number): ConfigProblem[] {
  return targets.flatMap((target, index) => {
    const path = ["targets", index];
    const longest = Math.floor(intervalMs * TIMEOUT_SHARE);
    if (target.check !== "icmp") {
      if (target.timeoutMs <= longest) return [];
      const message = `timeout ${formatDuration(target.timeoutMs)} does not fit in an interval of ${formatDuration(intervalMs)}: at most ${formatDuration(longest)}`;
      return [{ path: [...path, "timeout"], message }];
    }
    if (icmpTiming(target.count, target.timeoutMs, intervalMs) !== null) return [];
    const message = `${target.count} pings with a timeout of ${formatDuration(target.timeoutMs)} do not fit in an interval of ${formatDuration(intervalMs)}; lower count or timeout, or raise interval`;
    return [{ path, message }];
  });
}
