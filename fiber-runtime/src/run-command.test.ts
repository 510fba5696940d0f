import { describe, expect, it } from "vitest";
import { mustRun, runCommand } from "./run-command.js";

const node = (code: string) => [process.execPath, "-e", code] as const;

describe("runCommand", () => {
  it("returns output and exit code of a failing command as a value", async () => {
    const result = await runCommand(
      node("console.log('out'); console.error('err'); process.exit(3)"),
    );
    expect(result).toMatchObject({ exitCode: 3, stdout: "out", stderr: "err", timedOut: false });
  });

  it("says that a program is missing", async () => {
    const result = await runCommand(["no-such-program-of-ours"]);
    expect(result).toMatchObject({ exitCode: null, startError: "ENOENT" });
  });

  it("ends a command that takes too long", async () => {
    const result = await runCommand(node("setInterval(() => {}, 1000)"), { timeoutMs: 200 });
    expect(result).toMatchObject({ exitCode: null, timedOut: true });
  });

  it("passes arguments without a shell", async () => {
    const hostile = "$(touch /tmp/never); `id` 'quoted'";
    const result = await runCommand([
      process.execPath,
      "-e",
      "console.log(process.argv[1])",
      hostile,
    ]);
    expect(result.stdout).toBe(hostile);
  });

  it("hands over standard input", async () => {
    const result = await runCommand(node("process.stdin.pipe(process.stdout)"), { input: "hello" });
    expect(result.stdout).toBe("hello");
  });
});

describe("mustRun", () => {
  it("returns stdout", async () => {
    expect(await mustRun(node("console.log(1)"))).toBe("1");
  });

  it("throws with command, exit code and the end of the output", async () => {
    await expect(mustRun(node("console.error('no luck'); process.exit(2)"))).rejects.toMatchObject({
      code: "COMMAND_FAILED",
      message: expect.stringMatching(/ended with 2\nno luck/),
    });
  });

  it("says what to do when the program is missing", async () => {
    await expect(mustRun(["no-such-program-of-ours"])).rejects.toThrow(/install it/);
  });
});
