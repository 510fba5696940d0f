import { describe, expect, it } from "vitest";
import { createProgressPrinter, formatBytes, formatDuration, progressLine } from "./progress.js";

const dump = { step: "dump", done: 50e6, total: 150e6, unit: "bytes" } as const;

describe("progressLine", () => {
  it("shows amount, rate and time left", () => {
    expect(progressLine(dump, { elapsedMs: 5_000, since: 0 })).toBe(
      "dump: 50.0 MB of 150 MB, 10.0 MB/s, 10 s left",
    );
  });

  it("leaves out what it cannot know", () => {
    expect(progressLine({ ...dump, total: null }, { elapsedMs: 0, since: 0 })).toBe(
      "dump: 50.0 MB",
    );
    expect(progressLine({ ...dump, done: 200e6 }, { elapsedMs: 1_000, since: 0 })).not.toMatch(
      /left/,
    );
  });
});

describe("createProgressPrinter", () => {
  const run = (isTTY: boolean) => {
    let now = 1_000;
    const written: string[] = [];
    const printer = createProgressPrinter(
      { isTTY, write: (text) => written.push(text) },
      { now: () => now },
    );
    for (let done = 0; done < 100; done++) {
      printer.progress({ ...dump, done, total: 100 });
      now += 300;
    }
    printer.end();
    return written;
  };

  it("writes over one line on a terminal and cleans it up", () => {
    const written = run(true);
    expect(written.length).toBe(101);
    expect(written.every((text) => text.startsWith("\r"))).toBe(true);
    expect(written.at(-1)).toBe("\r\u001b[K");
  });

  it("writes few whole lines elsewhere", () => {
    const written = run(false);
    expect(written.length).toBe(2);
    expect(written.every((text) => text.endsWith("\n"))).toBe(true);
  });
});

describe("formats", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_500, "1.5 kB"],
    [123_456_789, "123 MB"],
    [2.5e12, "2.5 TB"],
  ])("%d bytes as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0.2, "1 s"],
    [59, "59 s"],
    [61, "1 min 1 s"],
    [7_260, "2 h 1 min"],
  ])("%d seconds as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
