import { expect, test } from "vitest";
import { judgePush } from "./judge-push.js";

const answer = (status: number, body: unknown = null) =>
  judgePush({ kind: "answered", status, retryAfter: "5", body });
const error = (code: string, rejected?: readonly unknown[]) => ({
  status: "error",
  code,
  message: "why",
  request_id: "r",
  ...(rejected === undefined ? {} : { rejected }),
});
const rejected = [{ index: 0, code: "INVALID_SAMPLE", message: "why" }];

test("202 of the documented shape is accepted, with what was refused of it", () => {
  const body = { status: "accepted", data: { queued: 1 }, rejected };
  expect(answer(202, body)).toEqual({ kind: "accepted", rejected });
});

test.each([200, 204, 302])("a stranger's %i keeps the data", (status) => {
  expect(answer(status, "<html>")).toMatchObject({ kind: "later", cause: "trouble" });
});

test("a 202 that is not ours keeps the data", () => {
  expect(answer(202, { ok: true })).toMatchObject({ kind: "later" });
});

test("a batch without a usable sample is dropped, another 400 is taken apart", () => {
  expect(answer(400, error("MALFORMED_BATCH", rejected))).toMatchObject({ kind: "refused" });
  expect(answer(400, error("NESTING_TOO_DEEP"))).toMatchObject({ kind: "split" });
  expect(answer(400, "nginx")).toMatchObject({ kind: "later", cause: "refusal" });
});

test("413 is taken apart", () => {
  expect(answer(413)).toMatchObject({ kind: "split" });
});

test.each([401, 403, 404, 410])("%i keeps the data and waits long", (status) => {
  expect(answer(status, error("NODE_MISMATCH"))).toMatchObject({ kind: "later", cause: "refusal" });
});

test.each([429, 500, 502, 503])("%i keeps the data and honours Retry-After", (status) => {
  const verdict = answer(status, error("OVERLOADED"));
  expect(verdict).toMatchObject({ kind: "later", cause: "trouble", retryAfter: "5" });
});
