import { basename, relative } from "node:path";

/** Program and first arguments that start this very command again, for roles. */
export function selfCommand(): readonly string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
}

/** What a person types here to run the command: "fiber", or "node bin/fiber.mjs" in a clone. */
export function selfName(): string {
  const script = process.argv[1] ?? "";
  if (basename(script) === "fiber") return "fiber";
  const near = relative(process.cwd(), script);
  return `node ${near.startsWith("..") ? script : near}`;
}
