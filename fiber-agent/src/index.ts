export { type AgentConfig, agentConfigSchema } from "./config.js";
export { type StatePaths, statePaths } from "./paths.js";
export { isPortFree } from "./port-check.js";
export { logPath } from "./role-log.js";
export { apiUrl, type ProbePlan } from "./role-specs.js";
export { type Stack, startStack } from "./stack.js";
export type { ProbeFacts, StackOptions } from "./stack-state.js";
export { type StackStatus, stackStatusSchema } from "./stack-status.js";
