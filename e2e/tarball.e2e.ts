import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestStack, eventually, readMetrics, run, type TestStack } from "./test-stack.js";

const ROOT = join(import.meta.dirname, "..");

let folder: string;
let installed: string;
let stack: TestStack;

/** Packs what is built (without building again) and installs it like anybody would. */
beforeAll(async () => {
  stack = await createTestStack();
  folder = mkdtempSync(join(tmpdir(), "fiber-tarball-"));
  const packed = await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], {
    cwd: ROOT,
  });
  expect(packed.code, packed.stderr).toBe(0);
  const tarball = join(folder, packed.stdout.trim().split("\n").at(-1) ?? "");
  const install = ["install", "--prefix", folder, "--no-audit", "--no-fund", tarball];
  const done = await run("npm", [...install, "--omit=dev", "--prefer-offline"], { cwd: folder });
  expect(done.code, done.stderr).toBe(0);
  installed = join(folder, "node_modules", ".bin", "fiber");
});
afterAll(async () => {
  await stack.cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

test("the installed command shows help and examines the machine", async () => {
  const help = await run(installed, ["--help"], { env: stack.env });
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("fiber up");
  const doctor = await run(installed, ["doctor", "--json"], { env: stack.env });
  const findings = JSON.parse(doctor.stdout) as { what: string; level: string }[];
  expect(doctor.code).toBe(0);
  expect(findings.filter((finding) => finding.level === "blocking")).toEqual([]);
});

test("the installed command runs the whole stack", async () => {
  const supervisor = await stack.up(installed);
  await eventually("three probes", async () => (await readMetrics(stack.apiUrl)).length === 3);
  const page = await fetch(stack.dashboardUrl);
  expect(page.status).toBe(200);
  const ended = once(supervisor, "exit");
  const down = await run(installed, ["down"], { env: stack.env });
  expect(down.code, down.stderr).toBe(0);
  expect(await ended).toEqual([0, null]);
  expect(stack.processes()).toEqual([]);
});
