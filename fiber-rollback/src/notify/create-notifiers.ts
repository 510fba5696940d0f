import type { Notifier, UnusableWay } from "./notifier.js";
import type { NotifySpec } from "./notify-spec.js";
import { readUrl } from "./post-json.js";
import { createSlackNotifier } from "./slack.js";
import { createSmtpNotifier } from "./smtp.js";
import { createWebhookNotifier } from "./webhook.js";

const HTTP = ["https", "http"];

/** The shortest secret that signs, bytes. */
const SECRET_BYTES = 32;

type Env = Readonly<Record<string, string | undefined>>;

/** What `notify` of fiber.yaml gives in this environment: ways that work, and those that cannot. */
export function createNotifiers(
  spec: NotifySpec,
  env: Env,
  now: () => number,
): { readonly ways: readonly Notifier[]; readonly unusable: readonly UnusableWay[] } {
  const found = [slackWay(spec, env), webhookWay(spec, env, now), smtpWay(spec, env)];
  return {
    ways: found.filter((one) => one !== null && "send" in one),
    unusable: found.filter((one) => one !== null && "why" in one),
  };
}

function slackWay({ slack }: NotifySpec, env: Env): Notifier | UnusableWay | null {
  if (slack === undefined) return null;
  const url = readVariable(env, slack.url_env, HTTP);
  if (typeof url !== "string") return createSlackNotifier({ url, channel: slack.channel });
  return { way: "slack", where: slack.channel, why: url };
}

function webhookWay(
  { webhook }: NotifySpec,
  env: Env,
  now: () => number,
): Notifier | UnusableWay | null {
  if (webhook === undefined) return null;
  const url = readVariable(env, webhook.url_env, HTTP);
  const unusable = (why: string) => ({ way: "webhook" as const, where: webhook.url_env, why });
  if (typeof url === "string") return unusable(url);
  const secret = env[webhook.secret_env] ?? "";
  if (Buffer.byteLength(secret) < SECRET_BYTES) {
    const state = secret === "" ? "is not set" : `is shorter than ${SECRET_BYTES} bytes`;
    return unusable(`${webhook.secret_env} ${state}`);
  }
  return createWebhookNotifier({ url, secret, now });
}

function smtpWay({ smtp }: NotifySpec, env: Env): Notifier | UnusableWay | null {
  if (smtp === undefined) return null;
  const url = readVariable(env, smtp.url_env, ["smtp", "smtps"]);
  if (typeof url !== "string") return createSmtpNotifier({ url, from: smtp.from, to: smtp.to });
  return { way: "smtp", where: smtp.to.join(", "), why: url };
}

/** The variable's URL, or why there is none; the value itself is never told. */
function readVariable(env: Env, name: string, schemes: readonly string[]): URL | string {
  const text = env[name] ?? "";
  if (text === "") return `${name} is not set`;
  return readUrl(text, schemes) ?? `${name} does not hold a URL of ${schemes.join(" or ")}`;
}
