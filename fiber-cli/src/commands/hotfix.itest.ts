import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CommandResult, packageRoot, runCommand } from "#runtime";
import { createTestRepository, requireTool, type TestRepository } from "#testkit";

const PROJECT = `format: 1
name: sample
gates:
  - { id: works, title: It works, run: 'test "$(cat app)" != broken' }
`;

const itSigns = it.skipIf(!requireTool("ssh-keygen"));
let repository: TestRepository;
let stateDir: string;
beforeEach(() => {
  repository = createTestRepository();
  stateDir = mkdtempSync(join(tmpdir(), "fiber-hotfix-cli-"));
  repository.commit("Begin", { app: "one", other: "1", "fiber.yaml": PROJECT });
  repository.git("tag", "-s", "-m", "first", "v1.0.0-mvp");
  repository.git("push", "--quiet", "origin", "release/mvp", "v1.0.0-mvp");
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

itSigns("takes a broken release branch back and puts a signed fix on it", async () => {
  repository.commit("Two", { other: "2" });
  const bad = repository.commit("Three", { app: "broken" });
  repository.git("push", "--quiet", "origin", "release/mvp");

  expect((await fiber("gates")).exitCode).toBe(3);
  const blamed = await fiber("hotfix", "blame", "--json");
  expect(JSON.parse(blamed.stdout)).toMatchObject({ kind: "found", commit: { sha: bad } });

  const unasked = await fiber("hotfix", "revert", bad);
  expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--yes") });
  expect((await fiber("hotfix", "revert", bad, "--yes")).exitCode).toBe(0);
  expect(repository.remoteGit("show", "release/mvp:app")).toBe("one");
  expect((await fiber("gates", "--only", "works")).exitCode).toBe(0);

  const begun = JSON.parse((await fiber("hotfix", "start", "mend three", "--json")).stdout);
  writeFileSync(join(begun.folder, "app"), "three, mended");
  repository.git("-C", begun.folder, "commit", "--quiet", "-am", "Mend three");
  const finished = await fiber("hotfix", "finish", "mend three", "--yes", "--json");
  expect(JSON.parse(finished.stdout)).toMatchObject({ tag: "v1.0.1-mvp" });
  expect(repository.remoteGit("show", "v1.0.1-mvp:app")).toBe("three, mended");
});

itSigns("says what is missing outside a clone and without fiber.yaml", async () => {
  repository.git("rm", "--quiet", "fiber.yaml");
  const without = await fiber("gates");
  expect(without).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("fiber.yaml") });
  repository.commit("Break it", { "fiber.yaml": "format: 1\nname: x\ngate: []\n" });
  expect((await fiber("gates")).stderr).toContain('Unrecognized key: "gate"');
  expect((await fiber("hotfix", "finish", "nothing", "--yes")).exitCode).toBe(3);
});
