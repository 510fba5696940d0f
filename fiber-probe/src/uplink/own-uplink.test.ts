import { expect, test } from "vitest";
import { judgeUplink, type UplinkSight } from "./own-uplink.js";

const sight: UplinkSight = {
  route: "present",
  gateway: "silent",
  gatewayAnsweredBefore: false,
  remoteUplink: "unreachable",
};

test.each<[string, Partial<UplinkSight>, string]>([
  ["a remote uplink answers", { remoteUplink: "reachable" }, "ok"],
  ["the gateway answers and uplinks are local", { gateway: "answers", remoteUplink: "none" }, "ok"],
  ["the gateway answers, the uplink does not", { gateway: "answers" }, "unknown"],
  ["there is no route", { route: "none", gateway: "untested" }, "down"],
  ["the gateway fell silent", { gatewayAnsweredBefore: true }, "down"],
  ["the gateway never answered", {}, "unknown"],
  ["the gateway cannot be tested", { gateway: "untested", gatewayAnsweredBefore: true }, "unknown"],
])("%s: %s", (_what, change, state) => {
  expect(judgeUplink({ ...sight, ...change })).toBe(state);
});
