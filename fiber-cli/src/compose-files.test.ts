import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { packageRoot, packageVersion } from "#runtime";

interface Service {
  readonly image: string;
  readonly container_name?: string;
  readonly ports?: readonly string[];
}

const FILES = ["docker-compose.dev.yml", "docker-compose.yml", "docker-compose.edge.yml"];

function servicesOf(file: string): Readonly<Record<string, Service>> {
  const text = readFileSync(join(packageRoot, "fiber-deploy", file), "utf8");
  return (parse(text, { merge: true }) as { services: Record<string, Service> }).services;
}

describe.each(FILES)("%s", (file) => {
  const services = servicesOf(file);

  it("pins our image to this release", () => {
    const ours = Object.values(services).filter((one) => one.image.includes("fiberstack-lite"));
    expect(ours.length).toBeGreaterThan(0);
    for (const { image } of ours) {
      expect(image.replace("${FIBER_IMAGE:-", "").replace("}", "")).toMatch(
        new RegExp(`^fiberstack-lite(-page)?:${packageVersion}$`),
      );
    }
  });

  it("publishes on this machine's loopback only", () => {
    for (const { ports = [] } of Object.values(services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });
});

it("names the development containers as the runbook does", () => {
  const names = Object.entries(servicesOf("docker-compose.dev.yml")).map(
    ([service, { container_name: name }]) => [service, name],
  );
  expect(names).toEqual(
    ["db", "queue", "api", "etl", "dashboard"]
      .map((name) => `fiber-${name}`)
      .concat("probe-gh", "probe-ng", "probe-ke")
      .map((name) => [name, name]),
  );
});
