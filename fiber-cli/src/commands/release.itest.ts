import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CommandResult, packageRoot, runCommand } from "#runtime";
import { createTestRepository, requireTool, type TestRepository } from "#testkit";

const PROJECT = `format: 1
name: sample
gates:
  - { id: works, title: It works, run: 'test "$(cat app)" != broken' }
  - { id: blind, title: It sees no settings, run: 'test -z "$FIBER_STATE_DIR"' }
`;
const itSigns = it.skipIf(!requireTool("ssh-keygen"));
let repository: TestRepository;
let stateDir: string;
beforeEach(() => {
  repository = createTestRepository();
  stateDir = mkdtempSync(join(tmpdir(), "fiber-release-cli-"));
  repository.commit("Begin", { app: "one", "fiber.yaml": PROJECT });
});
afterEach(() => {
  repository.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

/** Runs `fiber …` inside the clone as an operator without a terminal does. */
function fiber(...args: string[]): Promise<CommandResult> {
  const tsx = import.meta.resolve("tsx");
  const main = join(packageRoot, "fiber-cli/src/main.ts");
  return runCommand([process.execPath, "--import", tsx, "--conditions=source", main, ...args], {
    cwd: repository.folder,
    env: { FIBER_STATE_DIR: stateDir },
  });
}

itSigns("tags, lists, shows, verifies and imports releases", { timeout: 400_000 }, async () => {
  expect((await fiber("release", "tag", "v1.0.0", "--dry-run")).stdout).toContain("Would sign");
  const tagged = await fiber("release", "tag", "v1.0.0", "-m", "First", "--json");
  expect(JSON.parse(tagged.stdout)).toMatchObject({ record: { status: "candidate" } });
  const again = await fiber("release", "tag", "v1.0.0");
  expect(again).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("exists here") });

  expect((await fiber("release", "list")).stdout).toMatch(/v1\.0\.0 +candidate .* good /);
  expect((await fiber("release", "show", "v1.0.0")).stdout).toContain("by ops@example.net");
  expect((await fiber("release", "show", "v9")).exitCode).toBe(3);
  expect((await fiber("release", "verify", "v1.0.0")).exitCode).toBe(0);

  const before = (await fiber("release", "list", "--json")).stdout;
  rmSync(join(stateDir, "releases"), { recursive: true });
  expect((await fiber("release", "import", "--dry-run")).stdout).toContain("Nothing was changed");
  expect((await fiber("release", "import")).stdout).toMatch(/v1\.0\.0 +from-tag +candidate/);
  expect((await fiber("release", "list", "--json")).stdout).toBe(before);

  repository.git("tag", "plain");
  const unsound = await fiber("release", "verify", "plain");
  expect(unsound).toMatchObject({ exitCode: 3, stdout: expect.stringContaining("lightweight") });
});

it("keeps what gates said of a commit, but not of uncommitted changes", {
  timeout: 400_000,
}, async () => {
  const commit = repository.git("rev-parse", "HEAD");
  const kept = join(stateDir, "gates", `${commit}.json`);
  writeFileSync(join(repository.folder, "app"), "changed");
  const dirty = await fiber("gates");
  expect(dirty).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("Not kept") });
  expect(existsSync(kept)).toBe(false);

  const elsewhere = join(stateDir, "report.json");
  const one = await fiber("gates", "--commit", "HEAD", "--only", "works", "--report", elsewhere);
  expect(one.stdout).toContain("1 gate passed");
  expect(JSON.parse(readFileSync(elsewhere, "utf8")).gates).toHaveLength(1);
  expect((await fiber("gates", "--commit", commit, "--only", "blind,works")).exitCode).toBe(0);
  expect(JSON.parse(readFileSync(kept, "utf8"))).toMatchObject({ commit, verdict: "passed" });
  expect(await fiber("gates", "--only", "no-such")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("works, blind"),
  });
});
