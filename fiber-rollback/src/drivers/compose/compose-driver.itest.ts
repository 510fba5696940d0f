import { describeDeployDriver } from "../deploy-driver-conformance.itest-kit.js";
import { describeOnContainers } from "./compose-world.itest-kit.js";

describeOnContainers("on containers", (open) => {
  describeDeployDriver("compose", open, { hostBuilds: true, deferred: false });
});
