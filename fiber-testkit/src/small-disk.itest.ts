import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot, runCommand } from "#runtime";
import { canHaveSmallDisk, smallDisk } from "./small-disk.js";

const itHasDisk = it.runIf(await canHaveSmallDisk());

itHasDisk("is full for us and for programs that we start, until it is made larger", async () => {
  const disk = await smallDisk(1 << 20);
  try {
    const { blocks, bsize } = statfsSync(disk.folder);
    expect(blocks * bsize).toBe(1 << 20);
    const file = join(disk.folder, "file");
    expect(() => writeFileSync(file, Buffer.alloc(2 << 20))).toThrow(/ENOSPC/);
    const written = await runCommand(["dd", "if=/dev/zero", `of=${file}`, "bs=1M", "count=2"]);
    expect(written).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("No space left"),
    });
    await disk.resize(4 << 20);
    writeFileSync(file, Buffer.alloc(2 << 20));
    disk.fill();
    expect(() => writeFileSync(join(disk.folder, "more"), "x".repeat(8_192))).toThrow(/ENOSPC/);
    disk.free();
    await disk.setWritable(false);
    expect(() => writeFileSync(file, "")).toThrow(/EROFS/);
    await disk.setWritable(true);
    writeFileSync(file, Buffer.alloc(2 << 20));
    expect(readdirSync(disk.folder).sort()).toEqual(["file", "more"]);
  } finally {
    await disk.remove();
  }
  expect(existsSync(disk.folder)).toBe(false);
});

const SCRIPT = `
import { smallDisk } from "#testkit";
process.send((await smallDisk(1 << 20)).folder);
setInterval(() => {}, 1000);
`;

itHasDisk("is gone when a run is killed", async () => {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=source", "--input-type=module", "-e", SCRIPT],
    { cwd: packageRoot, stdio: ["ignore", "ignore", "inherit", "ipc"] },
  );
  const [folder] = (await once(child, "message")) as [string];
  expect(existsSync(folder)).toBe(true);
  child.kill("SIGKILL");
  await expect.poll(() => existsSync(folder), { timeout: 30_000 }).toBe(false);
});
