import { type Notice, noticeAsText } from "./message.js";
import type { Notifier } from "./notifier.js";
import { postJson } from "./post-json.js";

/** Slack takes at most ten fields a section. */
const MOST_FIELDS = 10;

/** Tells a Slack channel by its incoming webhook. */
export function createSlackNotifier(config: {
  readonly url: URL;
  readonly channel: string;
}): Notifier {
  return {
    way: "slack",
    where: config.channel,
    send: (notice, signal) =>
      postJson(config.url, { body: JSON.stringify(slackMessage(notice)) }, signal),
  };
}

/** A notice in Slack's blocks, with plain text for screen readers and notifications. */
function slackMessage(notice: Notice): object {
  const mark = notice.severity === "resolved" ? ":large_green_circle:" : ":red_circle:";
  const fields = notice.facts.slice(0, MOST_FIELDS).map((fact) => ({
    type: "mrkdwn",
    text: `*${escapeSlack(fact.name)}*\n${escapeSlack(fact.value)}`,
  }));
  return {
    text: noticeAsText(notice),
    blocks: [
      {
        type: "section",
        text: { type: "mrkdwn", text: `${mark} *${escapeSlack(notice.title)}*` },
      },
      { type: "section", text: { type: "mrkdwn", text: escapeSlack(notice.text) } },
      ...(fields.length === 0 ? [] : [{ type: "section", fields }]),
      { type: "context", elements: [{ type: "mrkdwn", text: escapeSlack(notice.at) }] },
    ],
  };
}

/** What is text must not become a mention or a link. */
function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
