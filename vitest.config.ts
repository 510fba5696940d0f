import { defineConfig } from "vitest/config";

const source = { conditions: ["source"] };
// Vitest runs global set-ups in an environment of its own.
const common = {
  resolve: source,
  ssr: { resolve: source },
  environments: { __vitest__: { resolve: source } },
};

export default defineConfig({
  test: {
    // Tests wait for servers and clocks more than they compute; two at once fit on two cores.
    maxWorkers: 2,
    projects: [
      {
        ...common,
        test: {
          name: "unit",
          include: ["fiber-*/src/**/*.test.ts"],
          testTimeout: 60_000,
          environment: "node",
        },
      },
      {
        ...common,
        test: {
          name: "integration",
          include: ["fiber-*/src/**/*.itest.ts"],
          environment: "node",
          globalSetup: ["fiber-testkit/src/vitest-postgres.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...common,
        test: {
          name: "web",
          include: ["fiber-dashboard/web/**/*.test.{ts,tsx}"],
          testTimeout: 60_000,
          environment: "happy-dom",
        },
      },
      {
        ...common,
        test: {
          name: "e2e",
          include: ["e2e/**/*.e2e.ts"],
          environment: "node",
          // One at a time, behind the others: each starts a whole stack.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
