import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Builds the app into a new temporary folder, for tests that open it in a browser. */
export async function buildWeb(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), "fiber-web-"));
  await build({
    configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)),
    mode: "production",
    logLevel: "error",
    build: { outDir },
  });
  return outDir;
}
