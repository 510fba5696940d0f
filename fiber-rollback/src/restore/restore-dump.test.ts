import { describe, expect, it } from "vitest";
import { isOnlyUnknownTimeout } from "./restore-dump.js";

const TIMEOUT =
  'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"';

describe("what a newer pg_restore complains of", () => {
  it("is accepted when it is that one setting alone", () => {
    expect(
      isOnlyUnknownTimeout(`${TIMEOUT}\npg_restore: warning: errors ignored on restore: 1`),
    ).toBe(true);
  });

  it("is not accepted beside any other error, or without a word", () => {
    expect(isOnlyUnknownTimeout(`${TIMEOUT}\npg_restore: error: could not read block`)).toBe(false);
    expect(isOnlyUnknownTimeout("")).toBe(false);
  });
});
