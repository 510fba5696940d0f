import { z } from "zod";

/** What people are told of a run; plain text, no secrets. */
export const noticeSchema = z.object({
  /** Stays the same when a notice is sent again, so that a receiver can drop a repeat. */
  id: z.string(),
  /** `resolved`: the stack is as it should be again; `failed`: somebody has to act. */
  severity: z.enum(["resolved", "failed"]),
  /** One line. */
  title: z.string(),
  /** A few sentences: what happened, what was lost, what to do. */
  text: z.string(),
  /** Facts in the order in which they are shown. */
  facts: z.array(z.object({ name: z.string(), value: z.string() })),
  at: z.iso.datetime(),
});

/** See {@link noticeSchema}. */
export type Notice = z.output<typeof noticeSchema>;

/** A notice as plain text, for ways that know nothing better. */
export function noticeAsText(notice: Notice): string {
  const facts = notice.facts.map((fact) => `${fact.name}: ${fact.value}`);
  return [notice.title, "", notice.text, "", ...facts].join("\n");
}
