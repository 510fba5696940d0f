import { expect, test } from "vitest";
import { judgeDurability } from "./queue.js";

test.each([
  ["one server of 2.9 warns", { version: "2.9.10", replicas: 1, sync: "interval" }, "warning"],
  ["two of 2.9 warn", { version: "2.9.10", replicas: 2, sync: "interval" }, "warning"],
  ["three keep the promise", { version: "2.9.10", replicas: 3, sync: "interval" }, "ok"],
  ["one that syncs keeps it", { version: "2.10.4", replicas: 1, sync: "always" }, "ok"],
  ["one that cannot be seen warns", { version: "2.10.4", replicas: 1, sync: "unknown" }, "warning"],
] as const)("%s", (_name, durability, level) => {
  const finding = judgeDurability(durability);
  expect(finding.level).toBe(level);
  expect(finding.remedy === null).toBe(level === "ok");
});
