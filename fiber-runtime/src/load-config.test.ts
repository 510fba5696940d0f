import { describe, expect, it } from "vitest";
import { z } from "zod";
import { FiberError } from "#contracts";
import { booleanVariable, loadConfig, portVariable } from "./load-config.js";

const schema = z.object({
  FIBER_API_PORT: portVariable.default(8000),
  FIBER_SECRET: z.string().min(32),
  FIBER_DEMO: booleanVariable.optional(),
});
const secret = "s".repeat(32);

describe("loadConfig", () => {
  it("takes defaults and ignores other variables", () => {
    expect(loadConfig(schema, { FIBER_SECRET: secret, PATH: "/bin" })).toEqual({
      FIBER_API_PORT: 8000,
      FIBER_SECRET: secret,
    });
  });

  it("treats an empty variable as absent", () => {
    expect(loadConfig(schema, { FIBER_SECRET: secret, FIBER_API_PORT: "" }).FIBER_API_PORT).toBe(
      8000,
    );
  });

  it.each([
    ["yes", true],
    ["1", true],
    ["false", false],
    ["no", false],
  ])("reads the boolean %s", (text, value) => {
    expect(loadConfig(schema, { FIBER_SECRET: secret, FIBER_DEMO: text }).FIBER_DEMO).toBe(value);
  });

  it("reports all problems together, each with its variable, and no secret", () => {
    const load = () => loadConfig(schema, { FIBER_API_PORT: "70000", FIBER_SECRET: "hunter2" });
    expect(load).toThrow(FiberError);
    expect(load).toThrow(/FIBER_API_PORT/);
    expect(load).toThrow(/FIBER_SECRET/);
    expect(load).not.toThrow(/hunter2/);
  });
});
