import { type AgentRoute, answerOk } from "./agent-server.js";

/** What a supervisor answers on its socket. */
export interface SupervisorHandlers {
  status(): unknown;
  /** Begins to stop; the answer does not wait for the end. */
  stop(): void;
  /** Probes read their targets again. */
  reload(): Promise<unknown>;
}

/** GET /status, POST /stop and POST /reload. */
export function supervisorRoutes(handlers: SupervisorHandlers): readonly AgentRoute[] {
  return [
    { method: "GET", path: "/status", answer: async () => answerOk(handlers.status()) },
    {
      method: "POST",
      path: "/stop",
      answer: async () => {
        handlers.stop();
        return { status: 202, body: { status: "accepted" } };
      },
    },
    { method: "POST", path: "/reload", answer: async () => answerOk(await handlers.reload()) },
  ];
}
