import { expect, it } from "vitest";
import { loadConfig } from "#runtime";
import { etlConfigSchema } from "./etl-config.js";

it("needs a database and has defaults for the rest", () => {
  expect(
    loadConfig(etlConfigSchema, { FIBER_DATABASE_URL: "postgres://u:p@localhost/fiberstack" }),
  ).toEqual({
    FIBER_DATABASE_URL: "postgres://u:p@localhost/fiberstack",
    FIBER_INGEST_LOG: "direct",
    FIBER_INGEST_CONNECTIONS: 2,
    FIBER_INGEST_MAX_SAMPLES: 200_000,
    FIBER_INGEST_MAX_MB: 64,
    FIBER_NATS_URL: "nats://127.0.0.1:4222",
    FIBER_QUEUE_HOURS: 24,
    FIBER_QUEUE_MAX_MB: 4_096,
    FIBER_QUEUE_REPLICAS: 1,
  });
});

it("names every variable that is wrong", () => {
  const env = { FIBER_DATABASE_URL: "mysql://x", FIBER_INGEST_CONNECTIONS: "0" };
  expect(() => loadConfig(etlConfigSchema, env)).toThrow(
    /FIBER_DATABASE_URL[\s\S]*FIBER_INGEST_CONNECTIONS/,
  );
});
