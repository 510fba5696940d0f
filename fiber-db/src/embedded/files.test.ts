import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseLibraryLinks } from "./binaries.js";
import { parsePgpass, pgpassText } from "./pgpass.js";
import { parsePidFile } from "./server.js";
import { settingsFile } from "./settings.js";

describe("pgpass", () => {
  it("is read back, whatever the password", () => {
    fc.assert(
      fc.property(fc.base64String({ minLength: 4 }), (text) => {
        const password = text.replaceAll(/[+/=]/g, "_");
        expect(parsePgpass(pgpassText(password))).toBe(password);
      }),
    );
  });

  it.each([
    "",
    "localhost:*:*:other:x\n",
    "elsewhere:5432:*:postgres:x\n",
    "localhost:*:*:postgres:",
  ])("finds nothing in %j", (text) => {
    expect(parsePgpass(text)).toBeNull();
  });
});

describe("parsePidFile", () => {
  it("reads process and port", () => {
    const text = "4711\n/state/postgres/data\n1795344000\n5432\n\n127.0.0.1\n  123 456\nready   \n";
    expect(parsePidFile(text)).toEqual({ pid: 4711, port: 5432 });
  });

  it("takes a torn file for none", () => {
    const text = "4711\n/state/postgres/data\n1795344000\n";
    for (let end = 0; end <= text.length; end += 1) {
      expect(parsePidFile(text.slice(0, end))).toBeNull();
    }
  });
});

describe("settingsFile", () => {
  it("quotes values", () => {
    expect(settingsFile({ log_line_prefix: "it's \\ %m" })).toContain(
      "log_line_prefix = 'it''s \\\\ %m'\n",
    );
  });

  it.each([{ "fsync\nport": "1" }, { fsync: "on'\nport = '1" }, { Fsync: "on" }])(
    "refuses %j",
    (settings) => {
      expect(() => settingsFile(settings as unknown as Record<string, string>)).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID" }),
      );
    },
  );
});

describe("parseLibraryLinks", () => {
  it("reads paths relative to the folder", () => {
    const json = '[{"source":"native/lib/libpq.so.5.15","target":"native/lib/libpq.so.5"}]';
    expect(parseLibraryLinks(json)).toEqual([
      { source: "lib/libpq.so.5.15", target: "lib/libpq.so.5" },
    ]);
  });

  it("refuses links that lead out of the folder", () => {
    const json = '[{"source":"native/../a","target":"native/../b"}]';
    expect(() => parseLibraryLinks(json)).toThrow(
      expect.objectContaining({ code: "POSTGRES_BINARIES_MISSING" }),
    );
  });
});
