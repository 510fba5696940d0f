#!/usr/bin/env node
// The `fiber` command: loads the built product. Roles are started through this file too.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`fiber needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(3);
}

const main = new URL("../dist/fiber-cli/src/main.js", import.meta.url);
if (!existsSync(main)) {
  console.error(
    "fiber is not built yet: run `npm start`, or `npm run build`, in its folder first.",
  );
  process.exit(3);
}
await import(main.href);
