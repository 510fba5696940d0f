import { describe, expect, it } from "vitest";
import { classifyWriteError } from "./write-outcome.js";

function databaseError(code: string | undefined, extra: object = {}): Error {
  return Object.assign(new Error("from the database"), code === undefined ? {} : { code }, extra);
}

describe("classifyWriteError", () => {
  it.each([
    ["23505", {}, "duplicate"],
    ["23514", {}, "no-partition"],
    ["23514", { constraint: "some_check" }, "bad-data"],
    ["22P02", {}, "bad-data"],
    ["22012", {}, "bad-data"],
    ["40P01", {}, "retry"],
    ["40001", {}, "retry"],
    ["42P01", {}, "lost"],
    ["57P01", {}, "lost"],
    ["08006", {}, "lost"],
    ["ECONNRESET", {}, "lost"],
    [undefined, {}, "lost"],
    ["53100", {}, "unable"],
    ["57014", {}, "unable"],
    ["25006", {}, "unable"],
  ])("sorts %s %o as %s after the guard", (code, extra, kind) => {
    expect(classifyWriteError(databaseError(code, extra), true).kind).toBe(kind);
  });

  it("takes the guard's own errors for a fence and for replaced tables", () => {
    expect(classifyWriteError(databaseError("22012"), false).kind).toBe("fenced");
    expect(classifyWriteError(databaseError("2201F"), false).kind).toBe("lost");
  });
});
