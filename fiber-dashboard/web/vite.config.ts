import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  plugins: [react(), compressedCopies()],
  resolve: { conditions: ["source", ...defaultClientConditions] },
  build: {
    outDir: here("../../dist/fiber-dashboard/web"),
    emptyOutDir: true,
    // Inlined fonts and icons would need data: in the content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The one chunk beyond the default of 500 kB is what every page needs: React, Mantine, the router.
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      // Contracts only declare: without this every zod schema would travel to the browser.
      treeshake: { moduleSideEffects: (id) => !id.includes("/fiber-contracts/") },
    },
  },
  server: { proxy: { "/api": process.env.FIBER_API_URL ?? "http://127.0.0.1:8000" } },
});

/**
 * Writes a .br and a .gz beside every text file, so that the server never compresses. Works on the
 * written files: Vite still changes chunks after plugins have seen them.
 */
function compressedCopies(): Plugin {
  return {
    name: "compressed-copies",
    apply: "build",
    writeBundle({ dir = "." }, bundle) {
      for (const fileName of Object.keys(bundle)) {
        if (!/\.(js|css|svg|html)$/.test(fileName)) continue;
        const source = readFileSync(join(dir, fileName));
        if (source.length < 1_024) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(join(dir, `${fileName}.br`), brotliCompressSync(source, { params }));
        writeFileSync(join(dir, `${fileName}.gz`), gzipSync(source));
      }
    },
  };
}
