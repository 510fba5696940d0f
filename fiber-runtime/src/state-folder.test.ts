import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { packageRoot, packageVersion } from "./package-root.js";
import { makeStateFolder, stateFolder } from "./state-folder.js";

const scratch = mkdtempSync(join(tmpdir(), "fiber-state-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("stateFolder", () => {
  it("is what FIBER_STATE_DIR says", async () => {
    expect(await stateFolder({ FIBER_STATE_DIR: "/srv/fiber" })).toBe("/srv/fiber");
  });

  it("refuses a relative FIBER_STATE_DIR", async () => {
    await expect(stateFolder({ FIBER_STATE_DIR: "state" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  it("lies outside the package and is the same every time", async () => {
    const folder = await stateFolder({ XDG_STATE_HOME: scratch });
    expect(folder.startsWith(packageRoot)).toBe(false);
    expect(await stateFolder({ XDG_STATE_HOME: scratch })).toBe(folder);
  });
});

describe("makeStateFolder", () => {
  it("makes it so that the database's user can pass through", () => {
    const folder = join(scratch, "a", "b");
    makeStateFolder(folder);
    makeStateFolder(folder);
    expect(statSync(folder).mode & 0o001).toBe(0o001);
  });

  it("says what to do when it cannot be made", () => {
    const file = join(scratch, "file");
    writeFileSync(file, "");
    chmodSync(file, 0o600);
    expect(() => makeStateFolder(join(file, "state"))).toThrow(/FIBER_STATE_DIR/);
  });
});

it("reads the version from package.json", () => {
  expect(packageVersion).toMatch(/^\d+\.\d+\.\d+/);
});
