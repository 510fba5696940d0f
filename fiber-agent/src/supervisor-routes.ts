import { z } from "zod";
import { FiberError } from "#contracts";
import type { SwitchResult } from "#rollback";
import { type AgentRoute, answerOk } from "./agent-server.js";

/** What a supervisor answers on its socket. */
export interface SupervisorHandlers {
  status(): unknown;
  /** Begins to stop; the answer does not wait for the end. */
  stop(): void;
  /** Probes read their targets again. */
  reload(): Promise<unknown>;
  /** Switches to a built release; the answer waits for the end. */
  switchTo(wanted: SwitchRequest): Promise<SwitchResult>;
  stopWriter(): Promise<readonly string[]>;
  startWriter(): Promise<readonly string[]>;
}

const switchSchema = z.strictObject({
  tag: z.string().min(1),
  digest: z.string().min(1),
  overlap: z.boolean(),
});

/** What POST /switch is asked. */
export type SwitchRequest = z.output<typeof switchSchema>;

/** The supervisor's own routes. */
export function supervisorRoutes(handlers: SupervisorHandlers): readonly AgentRoute[] {
  const post = (path: string, work: (body: unknown) => Promise<unknown>): AgentRoute => ({
    method: "POST",
    path,
    answer: async ({ body }) => answerOk(await work(await body())),
  });
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
    post("/reload", () => handlers.reload()),
    post("/switch", (body) => handlers.switchTo(parseSwitch(body))),
    post("/stop-writer", async () => ({ stopped: await handlers.stopWriter() })),
    post("/start-writer", async () => ({ started: await handlers.startWriter() })),
  ];
}

function parseSwitch(body: unknown): SwitchRequest {
  const parsed = switchSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new FiberError("BAD_REQUEST", `Not a switch: ${z.prettifyError(parsed.error)}`);
}
