import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Whether a test that needs this program can run here, for `describe.skipIf(!requireTool("fping"))`.
 * A missing program is said loudly, and is an error where skips are forbidden
 * (FIBER_FORBID_SKIPS=1, as in CI).
 *
 * @throws Error when the program is missing and skips are forbidden
 */
export function requireTool(program: string): boolean {
  if (isOnPath(program)) return true;
  const message = `${program} is not installed: tests that need it cannot run. node scripts/setup.mjs test says how to install it.`;
  if (process.env.FIBER_FORBID_SKIPS === "1") throw new Error(message);
  console.warn(`\n!!! SKIPPED: ${message}\n`);
  return false;
}

function isOnPath(program: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}
