import { z } from "zod";

const variable = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,99}$/, "name an environment variable, such as FIBER_SLACK_WEBHOOK");

/**
 * `notify` of fiber.yaml: who is told of a run. Addresses that are secrets are read from the
 * environment variables named here; a way whose variable is unset is skipped, and said so.
 */
export const notifySpecSchema = z.strictObject({
  slack: z
    .strictObject({
      /** Variable that holds the incoming webhook's URL. */
      url_env: variable.default("FIBER_SLACK_WEBHOOK"),
      /** Shown to people; an incoming webhook decides its channel itself. */
      channel: z.string().default("#fiberstack-ops"),
    })
    .optional(),
  webhook: z
    .strictObject({
      url_env: variable.default("FIBER_NOTIFY_WEBHOOK"),
      /** Variable that holds the secret of the HMAC signature, 32 bytes or more. */
      secret_env: variable.default("FIBER_NOTIFY_SECRET"),
    })
    .optional(),
  smtp: z
    .strictObject({
      /** Variable that holds smtp://user:password@host:587 or smtps://…:465. */
      url_env: variable.default("FIBER_SMTP_URL"),
      from: z.email(),
      to: z.array(z.email()).min(1),
    })
    .optional(),
});

/** See {@link notifySpecSchema}. */
export type NotifySpec = z.output<typeof notifySpecSchema>;
