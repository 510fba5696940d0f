import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openJournal, parseJournal } from "./journal.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-journal-"));
  path = join(folder, "run", "journal.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function writeThree() {
  const journal = await openJournal(path);
  await journal.write({ event: "begin", detail: {} });
  await journal.write({ event: "intent", step: "a" });
  await journal.write({ event: "done", step: "a", detail: { rows: 3 } });
  return journal;
}

describe("a journal", () => {
  it("tells a step's outcome after it was opened again", async () => {
    await (await writeThree()).close();
    const again = await openJournal(path);
    expect(again.outcome("a")).toEqual({ rows: 3 });
    expect(again.outcome("b")).toBeNull();
    await again.write({ event: "undone", step: "a" });
    expect(again.outcome("a")).toBeNull();
    await again.close();
  });

  it("takes a torn last line as not written, at whatever byte it was torn", async () => {
    await (await writeThree()).close();
    const whole = readFileSync(path);
    const lastStart = whole.subarray(0, -1).lastIndexOf(10) + 1;
    for (let length = lastStart; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      const torn = await openJournal(path);
      expect(torn.lines()).toHaveLength(2);
      await torn.write({ event: "done", step: "a", detail: { again: true } });
      await torn.close();
      const mended = await openJournal(path);
      expect(mended.outcome("a")).toEqual({ again: true });
      await mended.close();
    }
  });

  it("refuses a line that was changed, left out or added", async () => {
    await (await writeThree()).close();
    const text = readFileSync(path, "utf8");
    const lines = text.split("\n");
    const changed = text.replace('"rows":3', '"rows":4');
    const shortened = [lines[0], ...lines.slice(2)].join("\n");
    for (const broken of [changed, shortened]) {
      expect(() => parseJournal(broken, path)).toThrow(/not as it was written/);
    }
    appendFileSync(path, '{"event":"end"}\n');
    await expect(openJournal(path)).rejects.toMatchObject({ code: "JOURNAL_BROKEN" });
  });
});
