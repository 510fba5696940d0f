import { createHmac } from "node:crypto";
import type { Notifier } from "./notifier.js";
import { postJson } from "./post-json.js";

/**
 * Posts notices as JSON to a URL, signed: `X-Fiber-Timestamp` is epoch seconds, `X-Fiber-Signature`
 * is `webhookSignature` of it and the body, `X-Fiber-Delivery` is the notice's id. A receiver
 * refuses a timestamp older than five minutes and a delivery that it has seen.
 */
export function createWebhookNotifier(config: {
  readonly url: URL;
  readonly secret: string;
  readonly now: () => number;
}): Notifier {
  return {
    way: "webhook",
    where: config.url.host,
    send: (notice, signal) => {
      const body = JSON.stringify(notice);
      const timestamp = String(Math.floor(config.now() / 1_000));
      const headers = {
        "x-fiber-delivery": notice.id,
        "x-fiber-timestamp": timestamp,
        "x-fiber-signature": webhookSignature(config.secret, timestamp, body),
      };
      return postJson(config.url, { body, headers }, signal);
    },
  };
}

/** Hex HMAC-SHA256 over `timestamp.body`. */
export function webhookSignature(secret: string, timestamp: string, body: string): string {
  return createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
}
