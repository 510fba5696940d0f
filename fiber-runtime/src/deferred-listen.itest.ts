import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RoleMessage } from "./run-role.js";

const KIT = join(import.meta.dirname, "listening-role.itest-kit.ts");
let port: number;
let children: ChildProcess[];

beforeEach(async () => {
  children = [];
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  port = (probe.address() as AddressInfo).port;
  probe.close();
  await once(probe, "close");
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
});

function start(name: string, deferred: boolean): ChildProcess {
  const child = fork(KIT, [name, String(port)], {
    execArgv: ["--import", "tsx", "--conditions=source"],
    env: { ...process.env, FIBER_DEFERRED_LISTEN: deferred ? "1" : "0" },
  });
  children.push(child);
  return child;
}

async function heard(child: ChildProcess): Promise<RoleMessage> {
  const [message] = (await once(child, "message")) as [RoleMessage];
  return message;
}

/** One read on the agent's connection; the name that answered. */
function read(agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

test("without a supervisor's wish a role listens at once, and a taken port is an error", async () => {
  const first = start("first", false);
  expect(await heard(first)).toMatchObject({ type: "ready" });
  expect(await heard(start("second", false))).toMatchObject({ code: "EADDRINUSE" });
});

test("a deferred role is warm beside the old one, and takes its port over when told", async () => {
  const first = start("first", false);
  await heard(first);
  const second = start("second", true);
  expect(await heard(second)).toEqual({ type: "warm" });
  const other = new Agent({ keepAlive: true });
  expect(await read(other)).toBe("first");
  second.send({ type: "go" });
  const ready = heard(second);
  // While the old one keeps its port, the new one goes on trying.
  expect(await read(other)).toBe("first");
  first.kill("SIGTERM");
  expect(await ready).toMatchObject({ type: "ready" });
  expect(await read(new Agent())).toBe("second");
});

test("a client's open connection is answered once more, and not reset", async () => {
  const first = start("first", false);
  await heard(first);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect(await read(agent)).toBe("first");
  const second = start("second", true);
  await heard(second);
  second.send({ type: "go" });
  const ready = heard(second);
  first.kill("SIGTERM");
  const answers: string[] = [];
  while (answers.at(-1) !== "second") {
    try {
      answers.push(await read(agent));
    } catch (err) {
      // In the instant between the two nobody listens; a reset would be ours.
      expect((err as NodeJS.ErrnoException).code).toBe("ECONNREFUSED");
    }
  }
  await ready;
  expect(answers.slice(0, -1).every((name) => name === "first")).toBe(true);
});
