// Builds the checked-out tree as far as it differs from a product that is built already: links that
// one's packages, copies its dist, and compiles only the files that differ. A release's own build
// takes minutes; this leaves the same files. Usage: build-release.mjs BUILT_PRODUCT
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const origin = process.argv[2] ?? "";
const ts = createRequire(join(origin, "package.json"))("typescript");
const { compilerOptions } = JSON.parse(readFileSync("tsconfig.json", "utf8"));

symlinkSync(join(origin, "node_modules"), "node_modules");
cpSync(join(origin, "dist"), "dist", { recursive: true });
const isShipped = (name) => name.startsWith("fiber-") && name !== "fiber-testkit";
for (const folder of readdirSync(".").filter(isShipped)) {
  const source = join(folder, "src");
  if (!existsSync(source)) continue;
  for (const entry of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    const file = join(source, entry);
    if (!/(?<!\.d|test|itest|itest-kit)\.ts$/.test(file)) continue;
    const text = readFileSync(file, "utf8");
    const built = join("dist", file.replace(/\.ts$/, ".js"));
    if (existsSync(built) && text === readFileSync(join(origin, file), "utf8")) continue;
    console.log(`compiling ${file}`);
    const { target } = compilerOptions;
    const { outputText } = ts.transpileModule(text, {
      fileName: file,
      compilerOptions: { target, module: "ESNext", verbatimModuleSyntax: true },
    });
    mkdirSync(dirname(built), { recursive: true });
    writeFileSync(built, outputText);
  }
}
