import { z } from "zod";
import { type Answer, ask, describeAnswer, fillAddress, jsonOf } from "../ask.js";
import type { AwaitedProbes } from "../awaited-probes.js";
import { checkOf, type GateCheck, type GateReading, good, notYet } from "../gate-check.js";
import type { VerifyContext } from "../verify-context.js";
import type { GateOf } from "../verify-spec.js";

/** What is read of a status: what every release's answer has, older and newer ones too. */
const servedStatusSchema = z.object({
  status: z.string(),
  code: z.string().optional(),
  message: z.string().optional(),
  data: z.object({
    release: z.string(),
    migration: z.string().nullable(),
    ingest: z.object({ lag_s: z.number(), depth: z.number(), fenced: z.boolean() }),
    probes: z.object({ expected: z.number(), reporting: z.number() }),
  }),
});

type ServedStatus = z.infer<typeof servedStatusSchema>;

/** GET /api/status: ok, of the release and at the migration that are expected. */
export function statusGate(
  gate: GateOf<"fiber-status">,
  context: VerifyContext,
  awaited: AwaitedProbes,
): GateCheck {
  return checkOf(gate, async (signal) => {
    const answer = await askStatus(gate.url, context, signal);
    const status = statusOf(answer);
    if (status === null) return notYet(describeAnswer(answer), "an answer of the API's own");
    const mismatch = findMismatch(status, context);
    if (mismatch !== null) return mismatch;
    if (status.status === "ok") return good(sayStatus(status));
    // A probe that was silent before the run is no sign of it: the probes have a gate of their own.
    if (status.code === "PROBES_SILENT") {
      const { probes } = await awaited.read();
      if (probes !== null && status.data.probes.reporting >= probes.length) {
        return good(`${sayStatus(status)}; ${status.message ?? ""}, as before`);
      }
    }
    return notYet(`${sayStatus(status)}: ${status.message ?? status.code}`, "status ok");
  });
}

/** Asks for the status at the API of a gate. */
export function askStatus(
  url: string,
  context: VerifyContext,
  signal: AbortSignal,
): Promise<Answer> {
  return ask(`${fillAddress(url, context.env)}/api/status`, context, signal);
}

/** What an answer says of the API; null when it is not the API's status. */
export function statusOf(answer: Answer): ServedStatus | null {
  const parsed = servedStatusSchema.safeParse(jsonOf(answer));
  return parsed.success ? parsed.data : null;
}

function findMismatch(status: ServedStatus, { expected }: VerifyContext): GateReading | null {
  const { release, migration } = status.data;
  if (release !== expected.release) {
    return notYet(`release ${release} answers`, `release ${expected.release}`);
  }
  // A status that is down names its own cause better than the revision would.
  if (expected.migration !== null && status.status !== "down" && migration !== expected.migration) {
    return notYet(`the schema is at ${migration ?? "base"}`, `migration ${expected.migration}`);
  }
  return null;
}

function sayStatus({ status, data }: ServedStatus): string {
  const schema = data.migration === null ? "" : `, migration ${data.migration}`;
  return `${status}, release ${data.release}${schema}`;
}
