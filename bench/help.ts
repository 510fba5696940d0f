import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Bench, median } from "./bench.js";

const ROUNDS = 15;
const command = join(import.meta.dirname, "..", "bin", "fiber.mjs");

/** How long an operator waits for help, against Node's own start in the same rounds. */
export const helpBench: Bench = {
  name: "help",
  about: `fiber --help of the built product, ${ROUNDS} starts by turns with Node's own`,
  async run() {
    if (!existsSync(join(import.meta.dirname, "..", "dist"))) {
      throw new Error("dist is missing: the bench starts the built product (npm run build)");
    }
    const help: number[] = [];
    const node: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      help.push(startMs([command, "--help"]));
      node.push(startMs(["--eval", ""]));
    }
    return [
      {
        figure: "fiber --help",
        value: median(help),
        unit: "ms",
        bound: { atMost: 150 },
        detail: `Node alone ${median(node).toFixed(0)} ms`,
      },
      { figure: "help / Node alone", value: median(help) / median(node), unit: "×" },
    ];
  },
};

function startMs(args: readonly string[]): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - startedAt;
}
