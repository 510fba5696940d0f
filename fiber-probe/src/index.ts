export type { Measurement } from "./checks/figures.js";
export { PROBE_DEFAULTS, type ProbeConfig } from "./config/build-config.js";
export { loadProbeConfig, readTargets } from "./config/load-probe-config.js";
export { type ProbeConfigInput, probeConfigSchema, type TargetInput } from "./config/schema.js";
export {
  type DemoProbe,
  type DemoProbeOptions,
  demoProbeConfigs,
  findPingableGateway,
} from "./demo-target/demo-probes.js";
export { type DemoPorts, startDemoTarget } from "./demo-target/start-demo-target.js";
export { measureOnce } from "./measure-once.js";
export { type ProbeOptions, type RunningProbe, startProbe } from "./start-probe.js";
