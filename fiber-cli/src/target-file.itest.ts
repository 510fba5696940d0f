import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTargetFile } from "./target-file.js";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-target-"));
  path = join(folder, "probe.yaml");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const COMMENTED = `# my probe
node_id: probe-gh-accra # the first
targets:
  # the router
  - { host: 192.0.2.1, check: icmp, count: 5 }
  - host: https://example.net/ # the shop
    check: http
interval: 10s
`;

test("an added target follows the others; comments and everything else stay", () => {
  writeFileSync(path, COMMENTED);
  const file = openTargetFile(path);
  expect(file.targets).toHaveLength(2);
  file.add({ host: "example.net:443", check: "tls" });
  file.save();
  expect(readFileSync(path, "utf8")).toBe(
    COMMENTED.replace("interval:", "  - { host: example.net:443, check: tls }\ninterval:"),
  );
  expect(readdirSync(folder)).toEqual(["probe.yaml"]);
});

test("a removed target goes alone", () => {
  writeFileSync(path, COMMENTED);
  const file = openTargetFile(path);
  file.remove(1);
  file.save();
  expect(openTargetFile(path).targets).toEqual([{ host: "192.0.2.1", check: "icmp", count: 5 }]);
  expect(readFileSync(path, "utf8")).toContain("# the router");
});

test("a missing file is made, and grows by one line a target", () => {
  const file = openTargetFile(path);
  expect(file.targets).toEqual([]);
  file.add({ host: "192.0.2.1", check: "icmp" });
  file.add({ host: "192.0.2.2", check: "icmp" });
  file.save();
  expect(readFileSync(path, "utf8")).toBe(
    "targets:\n  - { host: 192.0.2.1, check: icmp }\n  - { host: 192.0.2.2, check: icmp }\n",
  );
});

test("an entry that a probe would refuse is not written", () => {
  writeFileSync(path, COMMENTED);
  const file = openTargetFile(path);
  file.add({ host: "not a host", check: "icmp" });
  expect(() => file.save()).toThrow(/probe\.yaml is not usable.*host/s);
  expect(readFileSync(path, "utf8")).toBe(COMMENTED);
  expect(readdirSync(folder)).toEqual(["probe.yaml"]);
});

test("a file that is no probe.yaml is refused with its line and left alone", () => {
  writeFileSync(path, "targets:\n  - { host: 192.0.2.1, check: icpm }\n");
  expect(() => openTargetFile(path)).toThrow(/line 2/);
  expect(existsSync(path)).toBe(true);
});
