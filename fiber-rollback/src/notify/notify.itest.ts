import { createServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import { createNotifiers } from "./create-notifiers.js";
import type { Notice } from "./message.js";
import { notifySpecSchema } from "./notify-spec.js";
import { sendNotice } from "./send-notices.js";
import { webhookSignature } from "./webhook.js";

const log = pino({ level: "silent" });
/** Waits nothing between attempts. */
const clock = { ...systemClock, sleep: async () => {} };
const notice: Notice = {
  id: "20261122T101500Z-rollback",
  severity: "resolved",
  title: "fiberstack-lite was rolled back to v1.0.0-mvp",
  text: "The API of v1.1.0-mvp answered 500 <!channel>. Nothing was lost.",
  facts: [{ name: "Level", value: "code" }],
  at: "2026-11-22T10:20:00.000Z",
};
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A web server that keeps what it is sent and answers each request with the next status. */
async function startReceiver(statuses: readonly number[] = []) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.writeHead(statuses[received.length] ?? 200).end("no_service");
    received.push({ headers: request.headers, body });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endings.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/T0/B0` };
}

/** As much of an SMTP server as takes one mail a connection. */
async function startMailServer(refuse = false) {
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.setEncoding("utf8").write("220 mail.test ESMTP\r\n");
    let text = "";
    let inData = false;
    socket.on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        if (inData) {
          const dot = text.indexOf("\r\n.\r\n");
          if (dot < 0) return;
          mails.push(text.slice(0, dot));
          text = text.slice(dot + 5);
          inData = false;
          socket.write("250 taken\r\n");
          continue;
        }
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (/^QUIT/i.test(line)) socket.end("221 bye\r\n");
        else if (/^DATA/i.test(line)) {
          inData = true;
          socket.write("354 go on\r\n");
        } else if (refuse && /^RCPT/i.test(line)) socket.write("550 no such user\r\n");
        else socket.write("250 fine\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endings.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { mails, url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const tell = (spec: object, env: Record<string, string>) =>
  sendNotice(
    notice,
    createNotifiers(notifySpecSchema.parse(spec), env, () => 1_795_000_000_000),
    {
      clock,
      log,
    },
  );

describe("Slack", () => {
  it("gets the notice once, with nothing in it that pings the channel", async () => {
    const slack = await startReceiver();
    const outcomes = await tell({ slack: {} }, { FIBER_SLACK_WEBHOOK: slack.url });
    expect(outcomes).toMatchObject([
      { way: "slack", where: "#fiberstack-ops", state: "sent", attempts: 1 },
    ]);
    expect(slack.received).toHaveLength(1);
    const body = JSON.parse(slack.received[0]?.body ?? "");
    expect(body.blocks[0].text.text).toContain("was rolled back to v1.0.0-mvp");
    expect(JSON.stringify(body.blocks)).not.toContain("<!channel>");
  });

  it("is tried again while it fails, and then told as failed, without its secret address", async () => {
    const mended = await startReceiver([500, 429]);
    expect(await tell({ slack: {} }, { FIBER_SLACK_WEBHOOK: mended.url })).toMatchObject([
      { state: "sent", attempts: 3 },
    ]);
    const broken = await startReceiver([500, 500, 500]);
    const [outcome] = await tell({ slack: {} }, { FIBER_SLACK_WEBHOOK: broken.url });
    expect(outcome).toMatchObject({ state: "failed", attempts: 3 });
    expect(outcome?.why).toContain("answers 500");
    expect(JSON.stringify(outcome)).not.toContain("/hook/T0");
  });
});

describe("the webhook", () => {
  it("is signed over timestamp and body, and the secret verifies it", async () => {
    const hook = await startReceiver();
    const secret = "s".repeat(40);
    await tell({ webhook: {} }, { FIBER_NOTIFY_WEBHOOK: hook.url, FIBER_NOTIFY_SECRET: secret });
    const [got] = hook.received;
    expect(JSON.parse(got?.body ?? "")).toEqual(notice);
    expect(got?.headers["x-fiber-timestamp"]).toBe("1795000000");
    expect(got?.headers["x-fiber-delivery"]).toBe(notice.id);
    const signature = webhookSignature(secret, "1795000000", got?.body ?? "");
    expect(got?.headers["x-fiber-signature"]).toBe(signature);
    expect(webhookSignature(secret, "1795000001", got?.body ?? "")).not.toBe(signature);
  });

  it.each([
    [{ FIBER_NOTIFY_WEBHOOK: "http://127.0.0.1:1/" }, "FIBER_NOTIFY_SECRET is not set"],
    [
      { FIBER_NOTIFY_WEBHOOK: "http://127.0.0.1:1/", FIBER_NOTIFY_SECRET: "short" },
      "FIBER_NOTIFY_SECRET is shorter than 32 bytes",
    ],
    [{ FIBER_NOTIFY_WEBHOOK: "file:///etc/passwd" }, "does not hold a URL of https or http"],
    [{}, "FIBER_NOTIFY_WEBHOOK is not set"],
  ])("is skipped and says why: %j", async (env, why) => {
    const [outcome] = await tell({ webhook: {} }, env as Record<string, string>);
    expect(outcome).toMatchObject({ way: "webhook", state: "skipped", attempts: 0 });
    expect(outcome?.why).toContain(why);
  });
});

describe("e-mail", () => {
  const smtp = { from: "fiber@ops.example", to: ["lead@ops.example", "oncall@ops.example"] };

  it("arrives with subject, text and every receiver", async () => {
    const server = await startMailServer();
    const outcomes = await tell({ smtp }, { FIBER_SMTP_URL: server.url });
    expect(outcomes).toMatchObject([{ way: "smtp", state: "sent", attempts: 1 }]);
    expect(server.mails).toHaveLength(1);
    const [mail = ""] = server.mails;
    expect(mail).toContain("Subject: fiberstack-lite was rolled back to v1.0.0-mvp");
    expect(mail).toContain("To: lead@ops.example, oncall@ops.example");
    expect(mail).toContain(`Message-ID: <${notice.id}@ops.example>`);
    expect(mail).toContain("Level: code");
  });

  it("refused or unreachable is told, never thrown; no password travels without TLS", async () => {
    const refusing = await startMailServer(true);
    const [refused] = await tell({ smtp }, { FIBER_SMTP_URL: refusing.url });
    expect(refused).toMatchObject({ state: "failed", attempts: 3 });
    expect(refused?.why).toMatch(/550|EENVELOPE/);
    const [away] = await tell({ smtp }, { FIBER_SMTP_URL: "smtp://user:hush@127.0.0.1:1" });
    expect(away).toMatchObject({ state: "failed" });
    expect(JSON.stringify(away)).not.toContain("hush");
  });
});

it("one way that is down keeps no other back", async () => {
  const slack = await startReceiver();
  const outcomes = await tell(
    { slack: {}, webhook: {} },
    {
      FIBER_SLACK_WEBHOOK: slack.url,
      FIBER_NOTIFY_WEBHOOK: "http://127.0.0.1:1/",
      FIBER_NOTIFY_SECRET: "x".repeat(32),
    },
  );
  expect(outcomes.map((one) => [one.way, one.state])).toEqual([
    ["slack", "sent"],
    ["webhook", "failed"],
  ]);
});
