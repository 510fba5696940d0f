import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "#runtime";
import { canHaveSmallDisk, smallDisk } from "#testkit";
import { ARCHIVE_SCRIPT, FETCH_SCRIPT, scriptCommand } from "./archive-script.js";

const itHasDisk = it.runIf(await canHaveSmallDisk());

const root = mkdtempSync(join(tmpdir(), "fiber 100%'s-"));
const archive = join(root, "archive");
const script = join(root, "archive-wal.sh");
const name = "000000010000000000000007";
const segment = join(root, name);
writeFileSync(script, ARCHIVE_SCRIPT);
beforeEach(() => {
  rmSync(archive, { recursive: true, force: true });
  mkdirSync(archive);
  writeFileSync(segment, randomBytes(1 << 20));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** As the server runs it: through sh, with %p and %f filled in and %% made %. */
const archiveIt = (shell = "sh", env: Readonly<Record<string, string>> = {}, to = archive) => {
  const command = scriptCommand(script, "%p", "%f", to).replace(/^sh/, shell);
  const filled = command.replace(/%([pf%])/g, (_, c) =>
    c === "p" ? segment : c === "f" ? name : "%",
  );
  return runCommand(["/bin/sh", "-c", filled], { env });
};

describe("the archive script", () => {
  it("archives a segment, and says yes again to the same one", async () => {
    expect(await archiveIt()).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readdirSync(archive)).toEqual([`${name}.gz`]);
    expect(gunzipSync(readFileSync(join(archive, `${name}.gz`)))).toEqual(readFileSync(segment));
    expect(await archiveIt()).toMatchObject({ exitCode: 0 });
  });

  it("never overwrites a different file, packed or not", async () => {
    await archiveIt();
    const before = readFileSync(join(archive, `${name}.gz`));
    writeFileSync(segment, randomBytes(1 << 20));
    const refused = await archiveIt();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/a different .* is archived already/);
    expect(readFileSync(join(archive, `${name}.gz`))).toEqual(before);

    rmSync(join(archive, `${name}.gz`));
    writeFileSync(join(archive, name), "plain and different");
    expect((await archiveIt()).exitCode).not.toBe(0);
    expect(readFileSync(join(archive, name), "utf8")).toBe("plain and different");
  });

  it("takes a plain copy of the same segment for what it is", async () => {
    writeFileSync(join(archive, name), readFileSync(segment));
    expect(await archiveIt()).toMatchObject({ exitCode: 0 });
    expect(readdirSync(archive)).toEqual([name]);
  });

  it("removes what a killed run left and leaves nothing unfinished itself", async () => {
    writeFileSync(join(archive, `.${name}.999.partial`), "half");
    expect(await archiveIt()).toMatchObject({ exitCode: 0 });
    expect(readdirSync(archive)).toEqual([`${name}.gz`]);
  });

  it("fails when its folder is missing, instead of making one on the wrong disk", async () => {
    rmSync(archive, { recursive: true });
    const failed = await archiveIt();
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stderr).toMatch(/is its disk mounted/);
  });

  it("copies plainly where there is no gzip", async () => {
    const bin = join(root, "bin");
    mkdirSync(bin, { recursive: true });
    for (const program of ["cp", "rm", "ln", "sync", "cmp"]) {
      const found = execFileSync("sh", ["-c", `command -v ${program}`])
        .toString()
        .trim();
      rmSync(join(bin, program), { force: true });
      writeFileSync(join(bin, program), `#!/bin/sh\nexec ${found} "$@"\n`);
      chmodSync(join(bin, program), 0o755);
    }
    expect(await archiveIt("/bin/sh", { PATH: bin })).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(join(archive, name))).toEqual(readFileSync(segment));
  });

  itHasDisk("leaves nothing under the segment's name when the disk is full", async () => {
    const disk = await smallDisk(512 << 10);
    try {
      const failed = await archiveIt("sh", {}, disk.folder);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stderr).toMatch(/No space left/);
      expect(readdirSync(disk.folder)).toEqual([]);
      await disk.resize(4 << 20);
      expect(await archiveIt("sh", {}, disk.folder)).toMatchObject({ exitCode: 0 });
    } finally {
      await disk.remove();
    }
  });

  it("is POSIX: dash accepts it without a word", async () => {
    expect(await runCommand(["sh", "-n", script])).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("the fetch script", () => {
  it("brings packed and plain segments back, and fails for a missing one", async () => {
    const fetch = join(root, "fetch-wal.sh");
    writeFileSync(fetch, FETCH_SCRIPT);
    const bring = () => runCommand(["sh", fetch, name, join(root, "back"), archive]);
    expect((await bring()).exitCode).not.toBe(0);
    await archiveIt();
    expect((await bring()).exitCode).toBe(0);
    expect(readFileSync(join(root, "back"))).toEqual(readFileSync(segment));
    rmSync(join(archive, `${name}.gz`));
    writeFileSync(join(archive, name), readFileSync(segment));
    expect((await bring()).exitCode).toBe(0);
  });
});
