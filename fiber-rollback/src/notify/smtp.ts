import { createTransport } from "nodemailer";
import { FiberError } from "#contracts";
import { noticeAsText } from "./message.js";
import type { Notifier } from "./notifier.js";

const TIMEOUT_MS = 15_000;

/**
 * Sends notices by e-mail. `smtps://` is TLS from the first byte; `smtp://` becomes TLS where the
 * server offers it, and a password is never sent without TLS except to this machine.
 */
export function createSmtpNotifier(config: {
  readonly url: URL;
  readonly from: string;
  readonly to: readonly string[];
}): Notifier {
  const { url } = config;
  const secure = url.protocol === "smtps:";
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  const user = decodeURIComponent(url.username);
  return {
    way: "smtp",
    where: config.to.join(", "),
    async send(notice, signal) {
      const transport = createTransport({
        host: url.hostname.replace(/^\[|\]$/g, ""),
        port: Number(url.port) || (secure ? 465 : 587),
        secure,
        requireTLS: !secure && user !== "" && !local,
        ...(user === "" ? {} : { auth: { user, pass: decodeURIComponent(url.password) } }),
        connectionTimeout: TIMEOUT_MS,
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
      });
      const close = () => transport.close();
      signal.addEventListener("abort", close, { once: true });
      try {
        await transport.sendMail({
          from: config.from,
          to: [...config.to],
          subject: notice.title,
          text: noticeAsText(notice),
          // The same notice sent again is the same message to a mail program.
          messageId: `<${notice.id}@${config.from.split("@")[1] ?? "fiberstack"}>`,
          date: new Date(notice.at),
          headers: { "Auto-Submitted": "auto-generated" },
        });
      } catch (cause) {
        const { code, message } = cause as { code?: string; message: string };
        throw new FiberError("NOTIFY_FAILED", `${url.host}: ${code ?? ""} ${message}`.trim(), {
          cause,
        });
      } finally {
        signal.removeEventListener("abort", close);
        transport.close();
      }
    },
  };
}
