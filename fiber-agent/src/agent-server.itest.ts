import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FiberError } from "#contracts";
import { askAgent, serveAgent } from "./agent-server.js";

let folder: string;
let socket: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-agent-"));
  socket = join(folder, "agent.sock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("status, stop and reload reach their handlers; the socket is its owner's alone", async () => {
  let stops = 0;
  writeFileSync(socket, "left by a killed agent");
  const agent = await serveAgent(socket, {
    status: () => ({ phase: "running" }),
    stop: () => {
      stops++;
    },
    reload: async () => {
      throw new FiberError("CONFIG_INVALID", "line 2 is wrong");
    },
  });
  try {
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(await askAgent(socket, "GET", "/status")).toEqual({ phase: "running" });
    expect(await askAgent(socket, "POST", "/stop")).toEqual({});
    expect(stops).toBe(1);
    await expect(askAgent(socket, "POST", "/reload")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "line 2 is wrong",
    });
    await expect(askAgent(socket, "GET", "/stop")).rejects.toMatchObject({
      code: "ROUTE_NOT_FOUND",
    });
  } finally {
    await agent.close();
  }
});

test("nobody there is null: no socket, or one that nobody listens on", async () => {
  expect(await askAgent(socket, "GET", "/status")).toBeNull();
  const agent = await serveAgent(socket, {
    status: () => null,
    stop: () => undefined,
    reload: async () => null,
  });
  await agent.close();
  expect(await askAgent(socket, "GET", "/status")).toBeNull();
});
