import { stringify } from "yaml";
import type { Logger } from "#runtime";
import { createIcmp } from "../checks/icmp.js";
import { buildConfig } from "../config/build-config.js";
import { type ProbeConfigInput, probeConfigSchema, type TargetInput } from "../config/schema.js";
import { defaultGateway } from "../uplink/default-gateway.js";
import { type DemoPorts, demoBanner } from "./start-demo-target.js";

/** A demo probe's configuration, and the same as the text of a probe.yaml. */
export interface DemoProbe {
  readonly nodeId: string;
  readonly config: ProbeConfigInput;
  readonly yaml: string;
}

/** What the demo probes measure beside their region's target. */
export interface DemoProbeOptions {
  readonly ports: readonly DemoPorts[];
  /** Where samples go; the token comes from FIBER_PROBE_TOKEN. */
  readonly apiUrl: string;
  readonly dashboardUrl: string;
  /** The default gateway when it answers: see {@link findPingableGateway}. */
  readonly gateway: string | null;
  /** Targets of the user's own probe.yaml, measured by every demo probe. */
  readonly extraTargets: readonly TargetInput[];
  /** Spool folder of a node. */
  readonly spoolPath: (nodeId: string) => string;
}

const DEMO_NODES = [
  { node_id: "probe-gh-accra", country: "GH", region: "Accra", coordinates: [5.6037, -0.187] },
  { node_id: "probe-ng-lagos", country: "NG", region: "Lagos", coordinates: [6.5244, 3.3792] },
  {
    node_id: "probe-ke-nairobi",
    country: "KE",
    region: "Nairobi",
    coordinates: [-1.2921, 36.8219],
  },
] as const;

/** The demo stack measures often, so that its screen fills quickly; slow targets make it slower. */
const INTERVALS = ["5s", "10s", "20s", "30s", "60s", "120s"] as const;

/**
 * The three demo probes. They stand on this machine; their region is the demo target's. The
 * interval is 5 s, or the shortest longer one in which the time-outs of the extra targets fit.
 */
export function demoProbeConfigs(options: DemoProbeOptions): readonly DemoProbe[] {
  return DEMO_NODES.flatMap((node) => {
    const ports = options.ports.find(({ region }) => region === node.region);
    if (ports === undefined) return [];
    const base = {
      ...node,
      coordinates: [...node.coordinates] as [number, number],
      demo: true,
      uplinks: [{ url: options.apiUrl, token_env: "FIBER_PROBE_TOKEN" }],
      targets: withoutDuplicates([...demoTargets(ports, options), ...options.extraTargets]),
      spool: { path: options.spoolPath(node.node_id) },
    };
    const interval = INTERVALS.find((candidate) => fits({ ...base, interval: candidate }));
    const config: ProbeConfigInput = { ...base, interval: interval ?? "120s" };
    const head = "# Written by fiber up at every start; put targets of your own in probe.yaml.\n";
    return [{ nodeId: node.node_id, config, yaml: head + stringify(config) }];
  });
}

/** Whether every time-out fits in the interval. */
function fits(config: ProbeConfigInput): boolean {
  const parsed = probeConfigSchema.safeParse(config);
  const source = { path: "/", env: { FIBER_PROBE_TOKEN: "unread" } };
  return parsed.success && buildConfig(parsed.data, source).problems.length === 0;
}

function demoTargets(ports: DemoPorts, options: DemoProbeOptions): readonly TargetInput[] {
  const { region } = ports;
  return [
    {
      host: `127.0.0.1:${ports.tcp}`,
      check: "tcp",
      label: `${region} demo target`,
      count: 10,
      timeout: "1s",
      expect: { banner: demoBanner(region) },
    },
    {
      host: `http://127.0.0.1:${ports.http}/`,
      check: "http",
      label: `${region} demo target`,
      count: 10,
      timeout: "1s",
      expect: { status: 200 },
    },
    { host: "127.0.0.1", check: "icmp", label: "this machine", count: 5 },
    ...(options.gateway === null
      ? []
      : [{ host: options.gateway, check: "icmp" as const, label: "default gateway", count: 5 }]),
    {
      host: `${options.apiUrl}/health`,
      check: "http",
      label: "API",
      timeout: "2s",
      expect: { status: 200 },
    },
    {
      host: `${options.dashboardUrl}/`,
      check: "http",
      label: "dashboard",
      timeout: "2s",
      expect: { status: 200 },
    },
  ];
}

/** A user's target that is among the demo's (the gateway, say) is measured once. */
function withoutDuplicates(targets: readonly TargetInput[]): TargetInput[] {
  const seen = new Set<string>();
  return targets.filter((target) => {
    const identity = `${target.check} ${target.label ?? target.host}`;
    return seen.has(identity) ? false : seen.add(identity);
  });
}

/**
 * The default gateway's address when it answers an echo request now, else null with a sentence in
 * the log: many gateways of clouds and containers never answer, and would look broken for ever.
 */
export async function findPingableGateway(log: Logger): Promise<string | null> {
  const gateway = await defaultGateway();
  if (gateway.kind !== "gateway") {
    log.info("this machine has no default gateway to measure; the demo leaves it out");
    return null;
  }
  const { address } = gateway;
  const round = { addresses: [address], count: 3, timeoutMs: 1_000, intervalMs: 3_000 };
  const result = await createIcmp(log).run(round, AbortSignal.timeout(15_000));
  const list = result.kind === "measured" ? (result.rtts.get(address) ?? []) : [];
  if (list.some((rtt) => rtt !== null)) return address;
  const why = result.kind === "unable" ? result.reason : "it answers no ping";
  log.info({ address, why }, "the default gateway is left out of the demo");
  return null;
}
