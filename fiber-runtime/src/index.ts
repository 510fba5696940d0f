export { agentSocket, askAgent } from "./agent-client.js";
export * from "./clock.js";
export * from "./load-config.js";
export * from "./logger.js";
export * from "./package-root.js";
export * from "./port-holder.js";
export * from "./run-command.js";
export * from "./run-role.js";
export * from "./state-folder.js";
